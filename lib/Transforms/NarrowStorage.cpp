//===- NarrowStorage.cpp - store values between kernels in 16 bits --------===//
//
// Needs lists of launches whose kernels are not shared yet
// (`pock-form-kernels`). Guarantees that kernels compute in f32 as before:
// values are rounded only when they pass from one kernel to another. Trained
// parameters and the optimizer's state stay f32, because updates below the
// resolution of 16 bits must accumulate. So do gradients if they would be f16,
// whose range is too small for them.
//
//===----------------------------------------------------------------------===//

#include "Pock/IR/AttributeNames.h"
#include "Pock/IR/Kernels.h"
#include "Pock/IR/PockUtils.h"
#include "Pock/Transforms/Passes.h"
#include "StepPhases.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "llvm/ADT/SetVector.h"

namespace mlir::pock {
#define GEN_PASS_DEF_NARROWSTORAGE
#include "Pock/Transforms/Passes.h.inc"
} // namespace mlir::pock

using namespace mlir;
using namespace mlir::pock;

namespace {
/// Smaller tensors stay f32: halving losses, statistics and per-channel values
/// saves little.
constexpr int64_t kFewestElements = 1024;

bool isWide(Value value) {
  auto type = dyn_cast<RankedTensorType>(value.getType());
  return type && type.getElementType().isF32() &&
         type.getNumElements() >= kFewestElements;
}

struct NarrowStorage
    : public ::mlir::pock::impl::NarrowStorageBase<NarrowStorage> {
  using Base::Base;

  void runOnOperation() override {
    auto precision =
        getOperation()->getAttrOfType<StringAttr>(attribute::precision);
    if (!precision || precision.getValue() == "f32")
      return;
    OpBuilder b(&getContext());
    bool isHalf = precision.getValue() == "f16";
    element = isHalf ? Type(b.getF16Type()) : b.getBF16Type();
    SymbolTable symbols(getOperation());
    for (func::FuncOp function : entriesOf(getOperation())) {
      StepPhases phases(function);
      for (LaunchOp launch : function.getOps<LaunchOp>())
        if (!isHalf || !phases.isBackward(launch))
          narrowResults(launch, symbols);
    }
    for (ParamOp param : getOperation().getOps<ParamOp>())
      narrowParam(param, symbols);
  }

private:
  RankedTensorType narrowed(Type type) const {
    return cast<RankedTensorType>(type).clone(element);
  }

  /// Collects `value` and its views; false if anything but a launch reads them.
  static bool collectViews(Value value, llvm::SetVector<Value> &views) {
    views.insert(value);
    for (OpOperand &use : value.getUses()) {
      if (isa<ReshapeOp>(use.getOwner())) {
        if (!collectViews(use.getOwner()->getResult(0), views))
          return false;
      } else if (auto launch = dyn_cast<LaunchOp>(use.getOwner())) {
        // An out is written: it is of the type that its parameter has.
        if (use.getOperandNumber() >= launch.getIns().size())
          return false;
      } else {
        return false;
      }
    }
    return true;
  }

  /// Retypes the views; their readers widen them again.
  void narrow(const llvm::SetVector<Value> &views, SymbolTable &symbols) {
    for (Value view : views)
      view.setType(narrowed(view.getType()));
    for (Value view : views)
      for (OpOperand &use : view.getUses())
        if (auto launch = dyn_cast<LaunchOp>(use.getOwner()))
          widenArgument(kernelOf(launch, symbols), use.getOperandNumber());
  }

  static func::FuncOp kernelOf(LaunchOp launch, SymbolTable &symbols) {
    return symbols.lookup<func::FuncOp>(launch.getCallee());
  }

  static void updateType(func::FuncOp kernel) {
    Block &body = kernel.getBody().front();
    kernel.setType(FunctionType::get(kernel.getContext(),
                                     body.getArgumentTypes(),
                                     body.getTerminator()->getOperandTypes()));
  }

  /// Makes the kernel read its argument in 16 bits and widen it to f32.
  void widenArgument(func::FuncOp kernel, unsigned number) {
    BlockArgument argument = kernel.getArgument(number);
    Type wide = argument.getType();
    argument.setType(narrowed(wide));
    OpBuilder b = OpBuilder::atBlockBegin(&kernel.getBody().front());
    auto cast = CastOp::create(b, kernel.getLoc(), wide, argument);
    argument.replaceAllUsesExcept(cast, cast);
    updateType(kernel);
  }

  /// Whether `launch` makes a trained parameter whole. Kernels read the same
  /// f32 numbers as where it is stored whole.
  static bool joinsParameter(LaunchOp launch, SymbolTable &symbols) {
    return llvm::any_of(launch.getIns(), [&](Value in) {
      auto load = in.getDefiningOp<LoadParamOp>();
      return load && symbols.lookup<ParamOp>(load.getParam()).getKind() ==
                         ParamKind::Rest;
    });
  }

  void narrowResults(LaunchOp launch, SymbolTable &symbols) {
    if (joinsParameter(launch, symbols))
      return;
    func::FuncOp kernel = kernelOf(launch, symbols);
    for (auto [i, result] : llvm::enumerate(launch.getResults())) {
      llvm::SetVector<Value> views;
      OpOperand &out = launch.getOutsMutable()[i];
      if (!isWide(result) || !out.get().getDefiningOp<tensor::EmptyOp>() ||
          !out.get().hasOneUse() || !collectViews(result, views))
        continue;
      BlockArgument argument = kernel.getArgument(launch.getIns().size() + i);
      if (!argument.use_empty())
        continue;
      narrow(views, symbols);
      out.get().setType(narrowed(out.get().getType()));
      argument.setType(narrowed(argument.getType()));
      Operation *exit = kernel.getBody().front().getTerminator();
      OpBuilder b(exit);
      Value value = exit->getOperand(i);
      exit->setOperand(i, CastOp::create(b, value.getLoc(),
                                         narrowed(value.getType()), value));
      updateType(kernel);
    }
  }

  /// Stores a parameter in 16 bits if no function writes it.
  void narrowParam(ParamOp param, SymbolTable &symbols) {
    if (param.getTrained() || param.getKind() == ParamKind::State ||
        param.getKind() == ParamKind::Prepared ||
        param.getKind() == ParamKind::Rest)
      return;
    llvm::SetVector<Value> views;
    bool possible = true;
    getOperation().walk([&](Operation *op) {
      auto load = dyn_cast<LoadParamOp>(op);
      auto store = dyn_cast<StoreParamOp>(op);
      if (store && store.getParam() == param.getSymName())
        possible = false;
      if (load && load.getParam() == param.getSymName())
        possible &= isWide(load) && collectViews(load, views);
    });
    if (!possible || views.empty())
      return;
    narrow(views, symbols);
    param.setType(narrowed(param.getType()));
  }

  /// What values are stored as.
  Type element;
};
} // namespace
