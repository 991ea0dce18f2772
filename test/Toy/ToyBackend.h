//===- ToyBackend.h - A back end as a contributor adds it -------*- C++ -*-===//

#ifndef TEST_TOY_TOYBACKEND_H
#define TEST_TOY_TOYBACKEND_H

namespace mlir::pock::toy {

/// Registers the back end `toy` and the pass that shows what it emits.
void registerToyBackend();

} // namespace mlir::pock::toy

#endif // TEST_TOY_TOYBACKEND_H
