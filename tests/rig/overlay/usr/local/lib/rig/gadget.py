"""Makes a USB device of the kernel's gadget functions, plugged into the very machine.

gadget.py up NUMBER JSON | pull NUMBER | down NUMBER
JSON: {"vendor", "product", "serial", "names": [maker, product], "functions": {"acm.0": {},
"mass_storage.0": {"lun.0/file": …}, "ffs.NAME": {}}}; what a function is given are its own files.
"""

import json
import sys
from contextlib import suppress
from pathlib import Path

GADGETS = Path("/sys/kernel/config/usb_gadget")
ENGLISH = "strings/0x409"


def write(folder, **values):
    """Write a value into each of these files."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, value in values.items():
        (folder / name).write_text(f"{value}\n")


def describe(number, told):
    """Make the gadget, its names and its functions, and nothing of it visible yet."""
    gadget = GADGETS / f"recorder{number}"
    write(gadget, idVendor=told["vendor"], idProduct=told["product"], bcdUSB="0x0200")
    if len(told["functions"]) > 1:
        write(gadget, bDeviceClass="0xEF", bDeviceSubClass="2", bDeviceProtocol="1")
    maker, product = told["names"]
    write(gadget / ENGLISH, serialnumber=told["serial"], manufacturer=maker, product=product)
    write(gadget / "configs/c.1", MaxPower=250)
    for name, values in told["functions"].items():
        function = gadget / "functions" / name
        function.mkdir(parents=True)
        for file, value in values.items():
            (function / file).write_text(f"{value}\n")
        (gadget / "configs/c.1" / name).symlink_to(function)
    return gadget


def connect(number):
    """Plug it in."""
    (GADGETS / f"recorder{number}" / "UDC").write_text(f"dummy_udc.{number}\n")


def pull(number):
    """Pull it out."""
    with suppress(OSError):  # it is out already
        (GADGETS / f"recorder{number}" / "UDC").write_text("\n")


def remove(number):
    """Pull it out and take it apart; configfs wants that in order."""
    gadget = GADGETS / f"recorder{number}"
    pull(number)
    for link in (gadget / "configs/c.1").iterdir():
        if link.is_symlink():
            link.unlink()
    for folder in (
        "configs/c.1",
        *(f"functions/{f.name}" for f in (gadget / "functions").iterdir()),
    ):
        (gadget / folder).rmdir()
    (gadget / ENGLISH).rmdir()
    gadget.rmdir()


if __name__ == "__main__":
    verb, number, *rest = sys.argv[1:]
    if verb == "up":
        described = json.loads(rest[0])
        describe(number, described)
        if not any(name.startswith("ffs.") for name in described["functions"]):
            connect(number)
    else:
        {"connect": connect, "pull": pull, "down": remove}[verb](number)
