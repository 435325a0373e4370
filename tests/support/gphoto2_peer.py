"""An initiator that is not ours (libgphoto2) asks a PTP recorder over TCP; prints what it got.

A process of its own: some of its calls keep the interpreter to themselves until they are answered.
"""

import hashlib
import json
import sys

import gphoto2

TOP = "/store_00010001"


def main(port: str) -> None:
    """Ask the recorder that listens on this port of the loopback."""
    ports = gphoto2.PortInfoList()
    ports.load()
    models = gphoto2.CameraAbilitiesList()
    models.load()
    camera = gphoto2.Camera()
    camera.set_port_info(ports[ports.lookup_path(f"ptpip:127.0.0.1:{port}:{port}")])
    camera.set_abilities(models[models.lookup_model("PTP/IP Camera")])
    camera.init()
    found = {
        "model": camera.get_single_config("cameramodel").get_value(),
        "battery": camera.get_single_config("batterylevel").get_value(),
        "clock": camera.get_single_config("datetime").get_value(),
        "free": camera.get_storageinfo()[0].freekbytes,
        "files": _files(camera, TOP),
    }
    camera.exit()
    print(json.dumps(found))  # noqa: T201


def _files(camera: gphoto2.Camera, folder: str) -> dict[str, str]:
    found = {}
    for name in _names(camera.folder_list_files(folder)):
        size = camera.file_get_info(folder, name).file.size
        raw = bytearray(size)
        count = camera.file_read(folder, name, gphoto2.GP_FILE_TYPE_NORMAL, 0, raw)
        digest = hashlib.sha256(bytes(raw[:count])).hexdigest()
        found[f"{folder}/{name}".removeprefix("/")] = digest
    for name in _names(camera.folder_list_folders(folder)):
        found |= _files(camera, f"{folder}/{name}")
    return found


def _names(listed: gphoto2.CameraList) -> list[str]:
    return [listed.get_name(number) for number in range(listed.count())]


if __name__ == "__main__":
    main(sys.argv[1])
