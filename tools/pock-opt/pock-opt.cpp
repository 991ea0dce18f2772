//===- pock-opt.cpp - every pass and pipeline on the command line ---------===//

#include "Pock/InitAll.h"

#include "mlir/IR/DialectRegistry.h"
#include "mlir/Tools/mlir-opt/MlirOptMain.h"

int main(int argc, char **argv) {
  mlir::DialectRegistry registry;
  mlir::pock::registerAllDialects(registry);
  mlir::pock::registerAllPasses();
  return mlir::asMainReturnCode(
      mlir::MlirOptMain(argc, argv, "pock-mlir optimizer driver\n", registry));
}
