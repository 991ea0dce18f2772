//===- IsolateKernel.cpp - copies of one kernel, to be measured -----------===//
//
// Needs a module at stage `kernels`. Leaves one kernel of it, once per entry of
// the module attribute `pock.candidates`, each with that choice and with a
// public function that launches it. Parameters become inputs; an out's old
// content is what the caller has put into the output.
//
//===----------------------------------------------------------------------===//

#include "KernelTuning.h"
#include "Pock/IR/AttributeNames.h"
#include "Pock/IR/Kernels.h"
#include "Pock/IR/Pock.h"
#include "Pock/Transforms/Passes.h"

#include "mlir/Dialect/Tensor/IR/Tensor.h"

namespace mlir::pock {
#define GEN_PASS_DEF_ISOLATEKERNEL
#include "Pock/Transforms/Passes.h.inc"
} // namespace mlir::pock

using namespace mlir;
using namespace mlir::pock;

namespace {
struct IsolateKernel
    : public ::mlir::pock::impl::IsolateKernelBase<IsolateKernel> {
  using Base::Base;

  void runOnOperation() override {
    ModuleOp module = getOperation();
    ArrayAttr candidates = takeCandidates(module);
    auto original = module.lookupSymbol<func::FuncOp>(kernel);
    if (!original || !isKernel(original)) {
      module.emitError("no kernel is called '") << kernel << "'";
      return signalPassFailure();
    }
    module->removeAttr(attribute::tuning); // Candidates are what they say.
    original->remove();
    for (Operation &op : llvm::make_early_inc_range(*module.getBody()))
      op.erase();
    OpBuilder builder = OpBuilder::atBlockBegin(module.getBody());
    for (auto [i, choice] : llvm::enumerate(candidates)) {
      auto copy = cast<func::FuncOp>(builder.clone(*original));
      copy.setSymName((kernel + "_" + Twine(i)).str());
      applyChoice(copy, cast<DictionaryAttr>(choice));
      makeFunction(builder, copy, ("candidate_" + Twine(i)).str());
    }
    original->erase();
    auto prepare = func::FuncOp::create(builder, module.getLoc(), "prepare",
                                        builder.getFunctionType({}, {}));
    builder.setInsertionPointToEnd(prepare.addEntryBlock());
    func::ReturnOp::create(builder, module.getLoc());
  }

  /// The module attribute, which is removed; one kernel as it is if there is
  /// none.
  static ArrayAttr takeCandidates(ModuleOp module) {
    if (Attribute candidates = module->removeAttr(attribute::candidates))
      return cast<ArrayAttr>(candidates);
    MLIRContext *context = module.getContext();
    return ArrayAttr::get(context, {DictionaryAttr::get(context)});
  }

  /// A function from the kernel's ins to its outs.
  static void makeFunction(OpBuilder &builder, func::FuncOp kernel,
                           StringRef name) {
    OpBuilder::InsertionGuard guard(builder);
    Location loc = kernel.getLoc();
    ArrayRef<Type> results = kernel.getResultTypes();
    ArrayRef<Type> ins = kernel.getArgumentTypes().drop_back(results.size());
    auto function = func::FuncOp::create(builder, loc, name,
                                         builder.getFunctionType(ins, results));
    auto named = [&](StringRef prefix, size_t i) {
      return builder.getStringAttr(prefix + Twine(i));
    };
    for (size_t i = 0; i < ins.size(); ++i)
      function.setArgAttr(i, attribute::name, named("x", i));
    for (size_t i = 0; i < results.size(); ++i)
      function.setResultAttr(i, attribute::name, named("y", i));
    builder.setInsertionPointToEnd(function.addEntryBlock());
    SmallVector<Value> outs;
    for (Type type : results) {
      auto tensor = cast<RankedTensorType>(type);
      outs.push_back(tensor::EmptyOp::create(builder, loc, tensor.getShape(),
                                             tensor.getElementType()));
    }
    auto launch = LaunchOp::create(builder, loc, results, kernel.getSymName(),
                                   function.getArguments(), outs);
    func::ReturnOp::create(builder, loc, launch.getResults());
  }
};
} // namespace
