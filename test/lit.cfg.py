"""lit configuration: loaded by the build tree's lit.site.cfg.py, which sets config.pock_*."""

from pathlib import Path

import lit.formats
import lit.llvm
from lit.llvm.subst import ToolSubst

config.name = "POCK"
config.test_format = lit.formats.ShTest(execute_external=False)
config.suffixes = [".mlir", ".test"]
config.excludes = ["Inputs", "Python"]
config.test_source_root = str(Path(__file__).parent)
config.test_exec_root = str(Path(config.pock_build_dir) / "test")

lit.llvm.initialize(lit_config, config)
llvm_config = lit.llvm.llvm_config

build_tools = str(Path(config.pock_build_dir) / "bin")
llvm_config.with_environment("PATH", [build_tools, config.llvm_tools_dir], append_path=True)
llvm_config.with_environment("FILECHECK_OPTS", "-enable-var-scope")
# Of a build with POCK_SANITIZE: LLVM's own containers and what it never frees are not checked.
llvm_config.with_environment("ASAN_OPTIONS", "detect_container_overflow=0:allow_user_poisoning=0:detect_leaks=0")
llvm_config.with_environment("UBSAN_OPTIONS", "print_stacktrace=1")
llvm_config.add_tool_substitutions(
    [
        ToolSubst("%python", config.python_executable, unresolved="ignore"),
        ToolSubst("%tblgen", "mlir-tblgen", extra_args=config.pock_tblgen_flags.split()),
        *("pock-opt", "pock-unit-tests", "toy-opt", "FileCheck", "not", "split-file", "mlir-opt", "mlir-runner"),
    ],
    [build_tools, config.llvm_tools_dir],
)
