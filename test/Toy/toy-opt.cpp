//===- toy-opt.cpp - pock-opt with the ops of the toy dialect -------------===//

#include "Toy.h"

#include "Pock/InitAll.h"

#include "mlir/IR/DialectRegistry.h"
#include "mlir/Tools/mlir-opt/MlirOptMain.h"

int main(int argc, char **argv) {
  mlir::DialectRegistry registry;
  mlir::pock::registerAllDialects(registry);
  registry.insert<mlir::pock::toy::ToyDialect>();
  mlir::pock::registerAllPasses();
  return mlir::asMainReturnCode(
      mlir::MlirOptMain(argc, argv, "pock-opt with toy ops\n", registry));
}
