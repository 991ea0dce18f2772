"""The extension module: IR in, IR or one exception out."""

import subprocess
from concurrent.futures import ThreadPoolExecutor

import pytest
from llvm_tools import find_tool
from pockmlir import _core
from pockmlir._ops import _pock_ops_gen as ops
from pockmlir._ops.ir import Function, Location, Module, TensorType
from pockmlir.core.stages import PIPELINES, STAGES
from pockmlir.frontends.common.text import write

TWICE = """func.func @twice(%x: i32) -> i32 {
  %0 = arith.addi %x, %x : i32 loc("fc"("net.py":7:9))
  %1 = arith.addi %x, %x : i32
  %2 = arith.muli %0, %1 : i32
  return %2 : i32
}"""


def relu_module() -> Module:
    """Build a module with one generated op class, as front ends do."""
    function = Function("relu")
    x = function.add_argument("x", TensorType((4,), "f32"))
    op = ops.ReluOp(x).operation
    op.location = Location("act", "net.py", 3)
    function.operations.append(op)
    function.returned, function.result_names = [op.results[0]], ["y"]
    return Module([], [function])


def test_a_pipeline_changes_the_module():
    assert _core.parse_check(TWICE).count("arith.addi") == 2
    assert _core.run_pipeline(TWICE, "builtin.module(cse)").count("arith.addi") == 1


def test_locations_are_printed_on_request():
    assert "net.py" not in _core.run_pipeline(TWICE, "builtin.module(cse)")
    assert 'loc("net.py":7:9)' in _core.run_pipeline(TWICE, "builtin.module(cse)", print_locations=True)


def test_stages_run_after_one_another():
    stages = [("first", "builtin.module(cse)"), ("second", "builtin.module(canonicalize)")]
    results = _core.run_stages(TWICE, stages)
    assert [name for name, _, _ in results] == ["first", "second"]
    assert results[1][1] == _core.run_pipeline(results[0][1], stages[1][1])


def test_a_failing_stage_is_named_with_its_input():
    with pytest.raises(_core.CompilerError, match="'nope' does not refer to a registered pass") as error:
        _core.run_stages(TWICE, [("first", "builtin.module(cse)"), ("second", "builtin.module(nope)")])
    assert error.value.stage == "second"
    assert error.value.ir.count("arith.addi") == 1


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("func.func @f( { }", "<ir>:1:14: error: "),
        ('func.func @f() { "arith.constant"() : () -> () loc("fc"("net.py":7:9)) return }', "net.py:7:9 .fc.: error: "),
        (b"ML\xefR\x01\x02", "error: "),
    ],
)
def test_what_does_not_parse_is_an_error_with_its_place(source, message):
    with pytest.raises(_core.CompilerError, match=message):
        _core.parse_check(source)


def test_a_pipeline_must_name_its_anchor():
    with pytest.raises(_core.CompilerError, match="wrapped with the anchor operation"):
        _core.run_pipeline(TWICE, "cse")


def test_generated_op_classes_build_what_the_compiler_reads():
    text = _core.run_pipeline(write(relu_module()), "builtin.module()", print_locations=True)
    assert "pock.relu %" in text
    assert 'loc("act"(' in text
    assert 'loc("net.py":3:0)' in text


def test_bytecode_is_read_as_text_is(tmp_path):
    (tmp_path / "net.mlir").write_text(write(relu_module()))
    command = [find_tool(), "--emit-bytecode", tmp_path / "net.mlir"]
    bytecode = subprocess.run(command, capture_output=True, check=True).stdout
    assert bytecode.startswith(b"ML\xefR")
    assert _core.parse_check(bytecode) == _core.parse_check(write(relu_module()))


def test_threads_get_the_same_answer():
    with ThreadPoolExecutor(4) as pool:
        answers = set(pool.map(lambda _: _core.run_pipeline(TWICE, "builtin.module(cse)"), range(50)))
    assert len(answers) == 1


def test_the_host_target_names_what_code_generation_reads():
    target = _core.host_target()
    assert target.startswith("#pock.target<triple = ")
    # What is as the attribute's default is not printed.
    assert 'cpu = "' in target
    assert 'features = "' in target


def test_python_names_the_pipelines_as_the_compiler_does():
    assert list(PIPELINES.values()) == _core.list_pipelines()
    assert [f"pock-{stage}-pipeline" for stage in STAGES[1:]] == _core.list_pipelines()
