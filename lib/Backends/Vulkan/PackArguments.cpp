//===- PackArguments.cpp - Inputs and outputs in one argument -------------===//
//
// Needs a module at stage `plan`. Guarantees that functions that launch kernels
// have no arguments but segments, and one with all inputs and outputs.
//
//===----------------------------------------------------------------------===//

#include "Places.h"
#include "Pock/Backends/Vulkan/Passes.h"
#include "Pock/IR/AttributeNames.h"
#include "Pock/IR/Pock.h"
#include "Pock/IR/PockUtils.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"

namespace mlir::pock {
#define GEN_PASS_DEF_PACKARGUMENTS
#include "Pock/Backends/Vulkan/Passes.h.inc"
} // namespace mlir::pock

using namespace mlir;

namespace mlir::pock {
namespace {

struct PackArguments : impl::PackArgumentsBase<PackArguments> {
  using Base::Base;

  void runOnOperation() override {
    for (auto function : getOperation().getOps<func::FuncOp>())
      if (function.isPublic() && !function.isExternal())
        pack(function);
  }

private:
  static void pack(func::FuncOp function) {
    OpBuilder b(function.getContext());
    b.setInsertionPointToStart(&function.getBody().front());
    llvm::BitVector packed(function.getNumArguments());
    SmallVector<int64_t> layout;
    int64_t end = 0;
    for (BlockArgument argument : function.getArguments()) {
      unsigned number = argument.getArgNumber();
      if (function.getArgAttr(number, attribute::segment))
        continue;
      packed.set(number);
      int64_t begin = llvm::alignTo(end, kPackedAlignment),
              bytes = bytesOf(cast<MemRefType>(argument.getType()));
      bool isOutput = bool(function.getArgAttr(number, attribute::output));
      layout.append({isOutput, begin, bytes});
      end = begin + bytes;
    }
    if (layout.empty())
      return;
    unsigned last = function.getNumArguments();
    DictionaryAttr attributes = b.getDictionaryAttr(
        b.getNamedAttr(attribute::packed, b.getDenseI64ArrayAttr(layout)));
    Location loc = function.getLoc();
    (void)function.insertArgument(last, MemRefType::get({end}, b.getI8Type()),
                                  attributes, loc);
    packed.resize(last + 1);
    for (auto [i, number] : llvm::enumerate(packed.set_bits())) {
      BlockArgument argument = function.getArgument(number);
      Value begin = arith::ConstantIndexOp::create(b, loc, layout[3 * i + 1]);
      Value part = memref::ViewOp::create(
          b, loc, cast<MemRefType>(argument.getType()),
          function.getArgument(last), begin, ValueRange());
      argument.replaceAllUsesWith(part);
    }
    (void)function.eraseArguments(packed);
  }
};

} // namespace
} // namespace mlir::pock
