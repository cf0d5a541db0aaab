#!/usr/bin/env python3
"""Writes a C file that takes whole files into the program by the assembler's .incbin.

Usage: embed_files.py OUTPUT.c FILE...    fills `zoo_files` of models/zoo.h
"""
import hashlib
import os
import sys

output, *paths = sys.argv[1:]
lines = ["/* Written by scripts/embed_files.py. */", '#include "models/zoo.h"', ""]
table = []
for index, path in enumerate(sorted(paths, key=os.path.basename)):
    data = open(path, "rb").read()
    place = os.path.abspath(path).replace("\\", "\\\\").replace('"', '\\"')
    # The hash makes compiler caches see a change of the file.
    lines += [f"/* {hashlib.sha256(data).hexdigest()} */",
              f'__asm__(".pushsection .rodata\\n.balign 16\\nzoo_bytes_{index}:\\n"',
              f'        ".incbin \\"{place}\\"\\n.popsection\\n");',
              f"extern const unsigned char zoo_bytes_{index}[]"
              ' __attribute__((visibility("hidden")));']
    table.append(f'    {{"{os.path.basename(path)}", zoo_bytes_{index}, {len(data)}}},')
lines += ["", "const struct zoo_file zoo_files[] = {", *table, "    {0},", "};"]
with open(output, "w") as file:
    file.write("\n".join(lines) + "\n")
