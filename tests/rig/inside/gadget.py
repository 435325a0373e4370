"""Makes USB devices of the kernel's gadget functions, plugged into the very machine.

gadget.py up NAME JSON | plug NAME | pull NAME
JSON: {"number", "vendor", "product", "serial", "names": [maker, product], "functions": {"acm.0":
{}, "mass_storage.0": {"lun.0/file": …}}}; what a function is given are its own files. `number` is
the controller's: what is on it shows up at platform-dummy_hcd.NUMBER-usb-0:1.
"""

import json
import sys
from contextlib import suppress
from pathlib import Path

GADGETS = Path("/sys/kernel/config/usb_gadget")


def write(folder, **values):
    """Write a value into each of these files."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, value in values.items():
        (folder / name).write_text(f"{value}\n")


def describe(name, told):
    """Make the gadget, its names and its functions; nobody sees it yet."""
    gadget = GADGETS / name
    write(gadget, idVendor=told["vendor"], idProduct=told["product"], bcdUSB="0x0200")
    if len(told["functions"]) > 1:
        write(gadget, bDeviceClass="0xEF", bDeviceSubClass="2", bDeviceProtocol="1")
    maker, product = told["names"]
    text = {"serialnumber": told["serial"], "manufacturer": maker, "product": product}
    write(gadget / "strings/0x409", **text)
    write(gadget / "configs/c.1", MaxPower=250)
    for function, values in told["functions"].items():
        folder = gadget / "functions" / function
        folder.mkdir(parents=True)
        for file, value in values.items():
            (folder / file).write_text(f"{value}\n")
        (gadget / "configs/c.1" / function).symlink_to(folder)


def plug(name, number):
    """Plug it into a controller."""
    (GADGETS / name / "UDC").write_text(f"dummy_udc.{number}\n")


def pull(name):
    """Pull it out."""
    with suppress(OSError):  # it is out already
        (GADGETS / name / "UDC").write_text("\n")


if __name__ == "__main__":
    verb, name, *rest = sys.argv[1:]
    if verb == "up":
        described = json.loads(rest[0])
        describe(name, described)
        plug(name, described["number"])
    elif verb == "plug":
        plug(name, rest[0])
    else:
        pull(name)
