"""What several processes agree on, in two real ones."""

import os
import subprocess
import sys

from benchmarks.runs import free_port

PROGRAM = """
import sys
import jax
import numpy as np
from facealign.parallel import processes
from facealign.errors import UserError

address, number = sys.argv[1], int(sys.argv[2])
processes.join(address, 2, number)
made = []

def make(fails_in):
    made.append(number)
    if number == fails_in:
        raise UserError(f"process {number} cannot")
    return number

def said(call, *args):
    try:
        return call(*args)
    except UserError as error:
        return str(error)

print(said(processes.first_then_others, lambda: make(None)))
print(said(processes.first_then_others, lambda: make(0)), len(made))
print(said(processes.first_then_others, lambda: make(1)), len(made))
print(said(processes.must_match, "photos", b"the same"))
print(said(processes.must_match, "photos", b"of %d" % number))
tree = {"a": np.full(3, 1.5 + number), "b": np.arange(2) if number == 0 else np.zeros(2, int)}
print(jax.tree.map(np.ndarray.tolist, processes.from_first(tree, tree)))
"""


def test_all_processes_go_on_alike_or_end_alike():
    address = f"127.0.0.1:{free_port()}"
    nowhere = dict.fromkeys(("http_proxy", "https_proxy"), "http://127.0.0.1:9")  # is not asked
    both = [
        subprocess.Popen(
            [sys.executable, "-c", PROGRAM, address, str(number)],
            env=os.environ | nowhere,
            stdout=subprocess.PIPE,
            text=True,
        )
        for number in range(2)
    ]
    said = [each.communicate(timeout=120)[0].splitlines() for each in both]
    assert [each.returncode for each in both] == [0, 0]
    first, second = ([line for line in lines if "Gloo" not in line] for lines in said)
    assert first[0] == "0"
    assert second[0] == "1"
    # Where the first one fails, the second does not try; whoever fails, both know.
    assert first[1:3] == ["process 0 cannot 2", "process 1: process 1 cannot 3"]
    assert second[1:3] == ["process 0: process 0 cannot 1", "process 1 cannot 2"]
    assert first[3:] == second[3:]
    same, differ, tree = first[3:]
    assert same == "None"
    assert differ == "photos of the 2 processes differ; give all the same"
    assert tree == "{'a': [1.5, 1.5, 1.5], 'b': [0, 1]}"
