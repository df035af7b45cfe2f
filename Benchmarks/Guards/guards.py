#!/usr/bin/env python3
"""Counts the instructions and the allocations of Varve's hot operations, and holds them to what they were (guards.json).

Counts are the same on a quiet machine and on a busy one, so a change that makes an operation dearer is seen where a clock would not
show it. Release builds only: swift build -c release --product bench-guards. Needs valgrind.

  Benchmarks/Guards/guards.py                  compare; exit status 1 if an operation became dearer than its tolerance
  Benchmarks/Guards/guards.py scan append      some operations
  Benchmarks/Guards/guards.py --update         write the counts of now to guards.json, with a better or a justified worse one
"""
import argparse
import json
import os
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
BASELINES = os.path.join(HERE, "guards.json")
# What an operation may need beside its baseline: shares, and what is too little to matter.
INSTRUCTIONS, ALLOCATIONS, FEW = 1.05, 1.05, 0.2


def instructions(profile):
    """Of a callgrind profile."""
    with open(profile) as lines:
        return max(int(line.split()[1]) for line in lines if line.startswith(("summary:", "totals:")))


def stripped(program, folder):
    """A copy without debug information, of which valgrind does not understand every form."""
    copy = os.path.join(folder, "bench-guards")
    subprocess.run(["objcopy", "--strip-debug", program, copy], check=True)
    return copy


def measure(program, work, keep):
    with tempfile.TemporaryDirectory() as folder:
        profile = os.path.join(keep or folder, f"{work}.callgrind")
        environment = dict(os.environ, SWIFT_DETERMINISTIC_HASHING="1", TMPDIR=folder)
        run = subprocess.run(
            ["valgrind", "--tool=callgrind", "--collect-atstart=no", "--toggle-collect=*countedSection*",
             f"--callgrind-out-file={profile}", program, work],
            env=environment, capture_output=True, text=True)
        if run.returncode:
            sys.exit(f"guards: {work} ended with {run.returncode}:\n{run.stderr[-2000:]}")
        times, allocations = map(int, run.stdout.split())
        return {"instructions": round(instructions(profile) / times, 1), "allocations": round(allocations / times, 2)}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("work", nargs="*", help="operations; else all")
    parser.add_argument("--program", default=os.path.join(HERE, "../../.build/release/bench-guards"), help="a release build of bench-guards")
    parser.add_argument("--update", action="store_true", help="write guards.json")
    parser.add_argument("--keep", metavar="FOLDER", help="keep the profiles there, for callgrind_annotate")
    options = parser.parse_args()
    with open(BASELINES) as file:
        baselines = json.load(file)
    unknown = [work for work in options.work if work not in baselines]
    if unknown and not options.update:
        parser.error(f"there is no {', '.join(unknown)}: {', '.join(baselines)}")
    if options.keep:
        os.makedirs(options.keep, exist_ok=True)
    dearer = []
    print(f"{'':16}{'instructions':>14}{'was':>12}{'allocations':>14}{'was':>10}")
    folder = tempfile.TemporaryDirectory()
    program = stripped(options.program, folder.name)
    for work in options.work or list(baselines):
        now, was = measure(program, work, options.keep), baselines.get(work) or {"instructions": 0, "allocations": 0}
        too_many = (now["instructions"] > was["instructions"] * INSTRUCTIONS + FEW
                    or now["allocations"] > was["allocations"] * ALLOCATIONS + FEW)
        if too_many:
            dearer.append(work)
        print(f"{work:16}{now['instructions']:>14,.1f}{was['instructions']:>12,.1f}{now['allocations']:>14,.2f}{was['allocations']:>8,.2f}"
              f"{'   DEARER' if too_many else ''}", flush=True)
        if options.update:
            baselines[work] = now
    if options.update:
        with open(BASELINES, "w") as file:
            json.dump(baselines, file, indent=2)
            file.write("\n")
    elif dearer:
        sys.exit(f"guards: dearer than they were: {', '.join(dearer)}; if that is worth it: Benchmarks/Guards/guards.py --update {' '.join(dearer)}")


if __name__ == "__main__":
    main()
