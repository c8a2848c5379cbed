"""Reads `cargo metadata` from the standard input, and fails if a package that is depended on can be had under none of LICENCES, comes
from anywhere but crates.io, or is there in two versions and not in TWICE."""

import json
import re
import sys

LICENCES = {"MIT", "Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "ISC", "Zlib", "0BSD", "Unlicense", "Unicode-3.0"}
# The versions of a package that are compiled, and who keeps the older one.
TWICE = {
    "hashbrown": ("0.16", "0.17"),  # safetensors
    "miniz_oxide": ("0.8", "0.9"),  # png, for samples from images
    "syn": ("2.0", "3.0"),  # the macros of zerocopy
}
CRATES_IO = "registry+https://github.com/rust-lang/crates.io-index"


def is_allowed(expression):
    """Whether an SPDX expression (`/` is an old OR) is satisfied by what is allowed."""
    expression = re.sub(r"\s*/\s*", " OR ", expression.replace(" WITH LLVM-exception", ""))
    words = re.findall(r"[()]|[^\s()]+", expression)
    python = {"OR": "or", "AND": "and", "(": "(", ")": ")"}
    return eval(" ".join(python.get(word, str(word in LICENCES)) for word in words))


packages = json.load(sys.stdin)["packages"]
versions = {}
for package in packages:
    versions.setdefault(package["name"], []).append(package["version"])
faults = [f"{p['name']} {p['version']}: {p['license']} is no licence that is allowed" for p in packages if not is_allowed(p["license"] or "none")]
faults += [f"{p['name']} {p['version']}: from {p['source']}" for p in packages if p["source"] not in (None, CRATES_IO)]
for name, found in versions.items():
    known = tuple(".".join(version.split(".")[:2]) for version in sorted(found))
    if len(found) > 1 and TWICE.get(name) != known:
        faults.append(f"{name}: in the versions {', '.join(sorted(found))}")
faults += [f"{name}: no longer there twice" for name in TWICE if len(versions.get(name, [])) < 2]
print(f"{len(packages)} packages, {len(faults)} faults in their licences, sources and versions", *faults, sep="\n  ")
sys.exit(bool(faults))
