#!/usr/bin/env python3
"""Shows that a function's object code can do nothing but compute.

    tests/real_time/object_code.py PROGRAM PART_OF_A_SYMBOL...

Follows every call and jump from the functions whose mangled names hold one of the parts, and fails if one of them leads to anything but
the copying of memory: to a panic, an allocation, a lock, the system, or to where nobody knows. Needs objdump, on x86-64.
"""

import re
import subprocess
import sys

# What a compiler makes of a loop that copies.
ALLOWED = {"memcpy", "memmove", "memset", "memcmp", "bcmp"}


def functions(program):
    """Returns the instructions of each function, by its address, and the addresses by name."""
    listing = subprocess.run(
        ["objdump", "--disassemble", "--no-show-raw-insn", "--wide", program], capture_output=True, text=True, check=True
    ).stdout
    code, names, current = {}, {}, None
    for line in listing.splitlines():
        if head := re.match(r"([0-9a-f]+) <(.+)>:$", line):
            current = int(head[1], 16)
            names[current] = head[2]
            code[current] = []
        elif current is not None and (instruction := re.match(r"\s+([0-9a-f]+):\s+(.+)$", line)):
            code[current].append((int(instruction[1], 16), instruction[2].strip()))
    return code, names


def cells(program):
    """Returns what the loader writes to the cells that calls may go by: an address or a name."""
    listing = subprocess.run(["objdump", "--dynamic-reloc", program], capture_output=True, text=True, check=True).stdout
    found = {}
    for line in listing.splitlines():
        if own := re.match(r"([0-9a-f]+) R_X86_64_RELATIVE\s+\*ABS\*\+0x([0-9a-f]+)$", line):
            found[int(own[1], 16)] = int(own[2], 16)
        elif other := re.match(r"([0-9a-f]+) R_X86_64_(?:GLOB_DAT|JUMP_SLOT)\s+([^@\s]+)", line):
            found[int(other[1], 16)] = other[2]
    return found


def leads_to(instruction, by_cell):
    """Returns where an instruction goes: an address, a name, or None if it stays; '?' if that is known only when it runs."""
    words = instruction.split()
    if words[0] in ("syscall", "sysenter", "int"):
        return words[0]
    # `bnd`, `notrack` and the like.
    words = [word for word in words if word not in ("bnd", "notrack")]
    if not (words[0] == "call" or words[0].startswith("j")):
        return None
    if (cell := re.search(r"\*.*\(%rip\).*#\s*([0-9a-f]+)", instruction)) and int(cell[1], 16) in by_cell:
        return by_cell[int(cell[1], 16)]
    if named := re.search(r"#.*<([^>+@]+)(@[^>]*)?(\+[^>]*)?>", instruction):
        return named[1]
    if direct := re.match(r"\S+\s+([0-9a-f]+)(\s|$)", " ".join(words)):
        return int(direct[1], 16)
    return "?"


def table_jump(code, i):
    """Returns whether an indirect jump goes by a table of the function itself: an address is loaded and added right before it."""
    before = " ".join(instruction for _, instruction in code[max(0, i - 4):i])
    return code[i][1].startswith(("jmp", "notrack jmp")) and "movslq" in before and "add" in before


def main(program, parts):
    code, names = functions(program)
    by_cell = cells(program)
    starts = [address for address, name in names.items() if any(part in name for part in parts)]
    for part in parts:
        if not any(part in names[address] for address in starts):
            sys.exit(f"{program} has no function {part}")
    owner = {}
    for start, instructions in code.items():
        for address, _ in instructions:
            owner[address] = start
    seen, waiting, wrong = set(starts), list(starts), []
    while waiting:
        start = waiting.pop()
        for i, (address, instruction) in enumerate(code[start]):
            target = leads_to(instruction, by_cell)
            if target is None or target in ALLOWED:
                continue
            if isinstance(target, int) and target in owner:
                other = owner[target]
                if names[other].split("@")[0] in ALLOWED:
                    continue
                if other not in seen:
                    seen.add(other)
                    waiting.append(other)
            elif not (target == "?" and table_jump(code[start], i)):
                wrong.append(f"{names[start]} at {address:x}: {instruction}")
    for line in wrong:
        print(line)
    if wrong:
        sys.exit(f"{len(wrong)} ways out of {', '.join(parts)}")
    print(f"{', '.join(parts)}: {len(seen)} functions, {sum(len(code[start]) for start in seen)} instructions, which compute and copy")


if __name__ == "__main__":
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    main(sys.argv[1], sys.argv[2:])
