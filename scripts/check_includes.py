#!/usr/bin/env python3
"""Names every #include that points up the house.

The rooms and whom they may include are in `doors`; tests may include everybody.
Usage: check_includes.py SOURCE_ROOT
"""
import pathlib
import re
import sys

doors = {
    "base": [],
    "datasets": ["base"],
    "models": ["base", "datasets"],
    "noises/system": ["base", "noises"],
    "noises/natural": ["base", "noises"],
    "noises/adversarial": ["base", "models", "noises"],
    "results": ["base"],
    "harness": ["base", "datasets", "models", "noises", "results"],
    "tests": ["base", "datasets", "models", "noises", "results", "harness"],
}


def room_of(path):
    return max((r for r in doors if path == r or path.startswith(r + "/")),
               key=len, default=None)


def main(root):
    wrong = 0
    for file in sorted(root.rglob("*.[ch]")):
        name = file.relative_to(root).as_posix()
        room = room_of(name)
        if room is None:
            continue
        for number, line in enumerate(file.read_text(errors="replace").splitlines(), 1):
            match = re.match(r'\s*#\s*include\s+"([^"]+)"', line)
            if not match or not (root / match[1]).exists():
                continue
            target = match[1]
            if target.startswith(room + "/"):
                continue
            if not any(target.startswith(door + "/") for door in doors[room]):
                print(f"{name}:{number}: {room} must not include {target}")
                wrong += 1
    print(f"{wrong} includes point up the house" if wrong else "every include points down")
    return 1 if wrong else 0


sys.exit(main(pathlib.Path(sys.argv[1])))
