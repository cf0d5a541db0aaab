#!/usr/bin/env python3
"""Writes a C file holding text files, so that they travel inside the program.

Usage: embed.py OUTPUT.c NAME=INPUT...    each gives `const char NAME[]`, zero-ended
"""
import sys

lines = ["/* Written by scripts/embed.py; edit the files it names. */"]
for argument in sys.argv[2:]:
    name, path = argument.split("=", 1)
    data = open(path, "rb").read()
    if b"\0" in data:
        sys.exit(f"{path}: holds a zero byte, so it is no text")
    lines += [f"extern const char {name}[];", f"const char {name}[] = {{"]
    data += b"\0"
    for start in range(0, len(data), 16):
        lines.append("    " + " ".join(f"{byte if byte < 128 else byte - 256},"
                                       for byte in data[start:start + 16]))
    lines.append("};")
with open(sys.argv[1], "w") as file:
    file.write("\n".join(lines) + "\n")
