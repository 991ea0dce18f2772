//===- InitAll.h - registration of all of pock ------------------*- C++ -*-===//
//
// For tools and the Python module only: it includes many headers.
//
//===----------------------------------------------------------------------===//

#ifndef POCK_INITALL_H
#define POCK_INITALL_H

namespace mlir {
class DialectRegistry;
} // namespace mlir

namespace mlir::pock {

/// Registers pock and every upstream dialect that its pipelines use.
void registerAllDialects(DialectRegistry &registry);

/// Registers all back ends, passes and pipelines of pock, and useful upstream
/// passes.
void registerAllPasses();

/// The program pock-opt: reads arguments and IR, runs passes, prints IR, and
/// returns the exit status.
int optMain(int argc, char **argv);

} // namespace mlir::pock

#endif // POCK_INITALL_H
