//===- OptMain.cpp - every pass and pipeline on the command line ----------===//

#include "Pock/InitAll.h"

#include "mlir/IR/DialectRegistry.h"
#include "mlir/Tools/mlir-opt/MlirOptMain.h"

using namespace mlir;

int mlir::pock::optMain(int argc, char **argv) {
  DialectRegistry registry;
  registerAllDialects(registry);
  registerAllPasses();
  return asMainReturnCode(
      MlirOptMain(argc, argv, "pock-mlir optimizer driver\n", registry));
}
