"""Reads `cargo metadata` from the standard input, and fails if a package that is depended on can be had under none of ALLOWED."""

import json
import re
import sys

ALLOWED = {"MIT", "Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "ISC", "Zlib", "0BSD", "Unlicense", "Unicode-3.0"}


def is_allowed(expression):
    """Whether an SPDX expression (`/` is an old OR) is satisfied by what is allowed."""
    expression = re.sub(r"\s*/\s*", " OR ", expression.replace(" WITH LLVM-exception", ""))
    words = re.findall(r"[()]|[^\s()]+", expression)
    python = {"OR": "or", "AND": "and", "(": "(", ")": ")"}
    return eval(" ".join(python.get(word, str(word in ALLOWED)) for word in words))


packages = json.load(sys.stdin)["packages"]
refused = [f"{p['name']} {p['version']}: {p['license']}" for p in packages if not is_allowed(p["license"] or "none")]
print(f"{len(packages)} packages, {len(refused)} under no licence that is allowed", *refused, sep="\n  ")
sys.exit(bool(refused))
