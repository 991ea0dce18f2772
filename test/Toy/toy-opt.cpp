//===- toy-opt.cpp - pock-opt with the toys ------------------------------===//

#include "Toy.h"
#include "ToyBackend.h"

#include "Pock/InitAll.h"

#include "mlir/IR/DialectRegistry.h"
#include "mlir/Tools/mlir-opt/MlirOptMain.h"

int main(int argc, char **argv) {
  mlir::DialectRegistry registry;
  mlir::pock::registerAllDialects(registry);
  registry.insert<mlir::pock::toy::ToyDialect>();
  mlir::pock::registerAllPasses();
  mlir::pock::toy::registerToyBackend();
  return mlir::asMainReturnCode(
      mlir::MlirOptMain(argc, argv, "pock-opt with toys\n", registry));
}
