"""The extension module: IR in, IR or one exception out."""

import io
from concurrent.futures import ThreadPoolExecutor

import pytest
from pockmlir import _core
from pockmlir._ops import _pock_ops_gen as ops
from pockmlir.core.stages import PIPELINES, STAGES
from torch_mlir import ir
from torch_mlir.dialects import func

TWICE = """func.func @twice(%x: i32) -> i32 {
  %0 = arith.addi %x, %x : i32 loc("fc"("net.py":7:9))
  %1 = arith.addi %x, %x : i32
  %2 = arith.muli %0, %1 : i32
  return %2 : i32
}"""


def relu_module() -> ir.Module:
    """Build a module with one generated op class, as the frontend does."""
    with ir.Context() as context, ir.Location.file("net.py", 3, 4):
        context.allow_unregistered_dialects = True
        module = ir.Module.create()
        tensor = ir.RankedTensorType.get([4], ir.F32Type.get())
        with ir.InsertionPoint(module.body):

            @func.FuncOp.from_py_func(tensor)
            def relu(x):
                return ops.ReluOp(x).result

    return module


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
    module = relu_module()
    bytecode = io.BytesIO()
    module.operation.write_bytecode(bytecode)
    from_text = _core.parse_check(module.operation.get_asm(enable_debug_info=True))
    assert "pock.relu %" in from_text
    assert _core.parse_check(bytecode.getvalue()) == from_text


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
