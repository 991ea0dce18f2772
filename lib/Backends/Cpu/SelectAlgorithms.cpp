//===- SelectAlgorithms.cpp - choose the algorithm of convolutions --------===//
//
// Needs kernels of pock ops. Estimates the time on one core for direct loops
// and for Winograd's tiles, and sets the attribute `algorithm` if tiles are
// clearly faster. The unit is the time of a multiply-add of vectors:
//
// * 9 per output and two channels directly, less in groups of bf16; 16
//   per tile of 2x2 outputs by tiles, some partly wasted at the border;
// * `kMove` or `kFarMove` for each vector that the transforms of tiles and
//   filter load or store.
//
// Ignores the other ops of the kernel: they are the same for both.
//
//===----------------------------------------------------------------------===//

#include "Isa/GroupProduct.h"
#include "Pock/Backends/Cpu/Passes.h"
#include "Pock/IR/AttributeNames.h"
#include "Pock/IR/Kernels.h"
#include "Pock/IR/Pock.h"
#include "Pock/IR/PockUtils.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/Remarks.h"
#include "llvm/ADT/StringSwitch.h"
#include "llvm/ADT/TypeSwitch.h"

namespace mlir::pock {
#define GEN_PASS_DEF_SELECTALGORITHMS
#include "Pock/Backends/Cpu/Passes.h.inc"
} // namespace mlir::pock

using namespace mlir;
using namespace mlir::pock;

namespace {

/// Cost of a transform, arithmetic included, per vector that it loads or
/// stores, between the first two caches; measured with bench/kernels.py.
constexpr double kMove = 5;
/// The same for a transformed filter that is larger than the second cache.
constexpr double kFarMove = 10;
/// Entries of a tile, and outputs of a tile along each dimension.
constexpr int64_t kTile = 16, kOutputs = 2;

/// A convolution of stride 1, or a gradient of such a convolution.
struct Convolution {
  int64_t batch, height, width, in, out;
  RankedTensorType weight;
};

/// Describes an op that reads `in` channels of an activation and writes `out`
/// channels of one of type `outputs`.
Convolution describe(RankedTensorType outputs, int64_t in, int64_t out,
                     RankedTensorType weight) {
  return {outputs.getDimSize(0),
          outputs.getDimSize(1),
          outputs.getDimSize(2),
          in,
          out,
          weight};
}
Convolution describe(ConvOp op) {
  RankedTensorType weight = op.getWeight().getType();
  return describe(op.getType(), weight.getDimSize(2), weight.getDimSize(3),
                  weight);
}
Convolution describe(ConvTransposeOp op) {
  RankedTensorType weight = op.getWeight().getType();
  return describe(op.getType(), weight.getDimSize(3), weight.getDimSize(2),
                  weight);
}
Convolution describe(ConvWeightGradOp op) {
  RankedTensorType weight = op.getType();
  return describe(op.getGradient().getType(), weight.getDimSize(2),
                  weight.getDimSize(3), weight);
}

/// The estimated speed-up of tiles over direct loops, which can multiply
/// `group` terms at once.
double estimateGain(const Convolution &conv, const TargetDescription &target,
                    int64_t group) {
  Type element = conv.weight.getElementType();
  int64_t lanes = target.lanes(element);
  auto vectors = [&](int64_t channels) -> double {
    return llvm::divideCeil(channels, lanes);
  };
  double pixels = conv.batch * conv.height * conv.width;
  double tiles = conv.batch * llvm::divideCeil(conv.height, kOutputs) *
                 llvm::divideCeil(conv.width, kOutputs);
  double products = conv.in * vectors(conv.out);
  double filterBytes = kTile * conv.in * conv.out * bytesOf(element);
  bool filterFits = filterBytes <= target.l2Bytes;

  double direct = 9.0 / group * pixels * products;
  double byTiles = kTile * tiles * products;
  // Tiles of a gradient have as many accesses as tiles of a result: 4 and 16.
  byTiles += kMove * tiles *
             (2 * kTile * vectors(conv.in) + (kTile + 4) * vectors(conv.out));
  byTiles += (filterFits ? kMove : kFarMove) * (kTile + 9) * products;
  return direct / byTiles;
}

struct SelectAlgorithms : pock::impl::SelectAlgorithmsBase<SelectAlgorithms> {
  using Base::Base;

  void runOnOperation() override {
    TargetDescription target = TargetDescription::of(getOperation());
    group = groupOf(target);
    if (winograd != "auto" && winograd != "always" && winograd != "never") {
      getOperation().emitError("expected option 'winograd' to be auto, always "
                               "or never, but got '")
          << winograd << "'";
      return signalPassFailure();
    }
    for (func::FuncOp kernel : kernelsOf(getOperation())) {
      FailureOr<Winograd> use = getUse(kernel);
      if (failed(use))
        return signalPassFailure();
      // Portable arithmetic requires the sums of the direct loops.
      if (*use == Winograd::Never || target.vectorBytes == 0 || target.portable)
        continue;
      kernel.walk([&](Operation *op) {
        TypeSwitch<Operation *>(op)
            .Case<ConvOp, ConvTransposeOp, ConvWeightGradOp>(
                [&](auto conv) { select(conv, target, *use); });
      });
    }
  }

private:
  enum class Winograd { Auto, Always, Never };

  /// The number of terms that an instruction adds to f32 sums in this module.
  int64_t groupOf(const TargetDescription &target) {
    for (const GroupProduct *row : listGroupProducts(target))
      if (row->getSumType(&getContext()).isF32() &&
          mayUse(*row, getOperation()))
        return row->getGroup();
    return 1;
  }

  /// The choice for `kernel` from tuning, or else that of the option.
  FailureOr<Winograd> getUse(func::FuncOp kernel) {
    if (auto tuned = kernel->getAttrOfType<StringAttr>(attribute::algorithm)) {
      std::optional<Algorithm> algorithm = symbolizeAlgorithm(tuned);
      if (!algorithm)
        return kernel.emitError("expected 'pock.algorithm' to name an "
                                "algorithm, but got ")
               << tuned;
      return *algorithm == Algorithm::Winograd ? Winograd::Always
                                               : Winograd::Never;
    }
    return llvm::StringSwitch<Winograd>(winograd)
        .Case("always", Winograd::Always)
        .Case("never", Winograd::Never)
        .Default(Winograd::Auto);
  }

  template <typename Op>
  void select(Op op, const TargetDescription &target, Winograd use) {
    if (op.getInput().getType().getRank() != 4)
      return;
    Convolution conv = describe(op);
    if (!conv.weight.getElementType().isF32() ||
        !allowsWinograd(op.getLayout(), conv.weight.getShape(), op.getStrides(),
                        op.getDilations(), op.getGroups()))
      return;
    // Tiles are f32: transforms in bf16 would round too much.
    int64_t terms = conv.in % group == 0 ? group : 1;
    double gain = estimateGain(conv, target, terms);
    bool chosen = use == Winograd::Always || gain >= minGain;
    auto report = chosen ? remark::passed : remark::missed;
    report(
        op.getLoc(),
        remark::RemarkOpts::name("winograd").category("pock-select-algorithms"))
        << remark::add("{0}", op->getName().getStringRef())
        << remark::metric("gain", gain);
    if (chosen)
      op.setAlgorithm(Algorithm::Winograd);
  }

  /// The result of `groupOf`.
  int64_t group = 1;
};

} // namespace
