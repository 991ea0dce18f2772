//===- FormDispatches.cpp - Kernels become shaders, launches dispatches ---===//
//
// Needs a module at stage `plan`. Guarantees that no kernel and no launch is
// left, and that no two arguments of a dispatch share memory.
//
//===----------------------------------------------------------------------===//

#include "../Shared/NestWork.h"
#include "Bindings.h"
#include "DeviceRow.h"
#include "KernelParts.h"
#include "Places.h"
#include "Pock/Backends/Vulkan/Passes.h"
#include "Pock/IR/AttributeNames.h"
#include "Pock/IR/Kernels.h"
#include "Pock/IR/Pock.h"
#include "Pock/IR/PockUtils.h"
#include "ThreadEmitter.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/GPU/IR/GPUDialect.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/SPIRV/IR/SPIRVAttributes.h"
#include "mlir/Dialect/SPIRV/IR/SPIRVDialect.h"
#include "mlir/Dialect/SPIRV/Transforms/SPIRVConversion.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/Interfaces/ViewLikeInterface.h"
#include "llvm/ADT/StringSet.h"
#include "llvm/Support/FormatVariadic.h"

#include <cmath>

namespace mlir::pock {
#define GEN_PASS_DEF_FORMDISPATCHES
#include "Pock/Backends/Vulkan/Passes.h.inc"
} // namespace mlir::pock

using namespace mlir;

namespace mlir::pock {
namespace {

/// Workgroups in one dimension of a dispatch, that every device has.
constexpr int64_t kMostGroups = 65535;

/// Seconds that a dispatch may take, and how much longer portable arithmetic
/// takes.
constexpr double kMostSeconds = 0.1, kPortableCost = 50;

/// A buffer that a nest accesses, as an argument of its launch: the operand,
/// and the part of it if it is a part of the workspace.
struct Source {
  unsigned argument;
  memref::ViewOp part;
};

Source sourceOf(Value buffer) {
  memref::ViewOp part = buffer.getDefiningOp<memref::ViewOp>();
  auto argument = cast<BlockArgument>(part ? part.getSource() : buffer);
  return {argument.getArgNumber(), part};
}

/// `type` as a storage buffer with one dimension.
MemRefType flatten(MemRefType type) {
  auto storage = spirv::StorageClassAttr::get(
      type.getContext(), spirv::StorageClass::StorageBuffer);
  return MemRefType::get({type.getNumElements()}, type.getElementType(),
                         MemRefLayoutAttrInterface(), storage);
}

struct FormDispatches : impl::FormDispatchesBase<FormDispatches> {
  using Base::Base;

  void runOnOperation() override {
    ModuleOp module = getOperation();
    OpBuilder b = OpBuilder::atBlockEnd(module.getBody());
    shaders = gpu::GPUModuleOp::create(b, module.getLoc(), "shaders");
    module->setAttr(gpu::GPUDialect::getContainerModuleAttrName(),
                    b.getUnitAttr());
    llvm::StringMap<PartedKernel> kernels;
    for (func::FuncOp func : kernelsOf(module)) {
      FailureOr<PartedKernel> kernel = divideKernel(func);
      if (failed(kernel))
        return signalPassFailure();
      kernels.try_emplace(func.getSymName(), std::move(*kernel));
    }
    for (auto function : module.getOps<func::FuncOp>()) {
      SmallVector<LaunchOp> launches;
      function.walk([&](LaunchOp op) { launches.push_back(op); });
      for (auto [i, launch] : llvm::enumerate(launches)) {
        if (failed(lower(launch, i, kernels.find(launch.getCallee())->second)))
          return signalPassFailure();
        launch.erase();
      }
    }
    for (auto &[name, kernel] : kernels)
      kernel.func.erase();
  }

private:
  /// Replaces launch `number` of a function by dispatches for each part of its
  /// kernel.
  LogicalResult lower(LaunchOp launch, int64_t number, PartedKernel &kernel) {
    const DeviceRow &row = deviceRowOf(getOperation());
    OpBuilder b(launch);
    Location loc = launch.getLoc();
    for (auto [i, part] : llvm::enumerate(kernel.parts)) {
      int64_t groups = part.threads.countWorkgroups();
      if (groups == 0)
        continue;
      SmallVector<Value> buffers;
      SmallVector<int64_t> accesses;
      for (auto [k, buffer] : llvm::enumerate(part.buffers)) {
        buffers.push_back(operandFor(b, loc, launch, buffer));
        Place place = placeOf(buffers.back());
        accesses.append({place.argument, place.offset, place.bytes,
                         static_cast<int64_t>(k) >= part.numRead});
      }
      Bindings bindings = bindBuffers(b, loc, buffers, row.mostBindings);
      if (failed(checkSizes(launch, bindings, row)))
        return failure();
      gpu::GPUFuncOp shader = shaderFor(kernel, i, bindings);
      auto constant = [&](int64_t value) -> Value {
        return arith::ConstantIndexOp::create(b, loc, value);
      };
      for (const Area &area : divideGroups(part, row)) {
        auto dispatch = gpu::LaunchFuncOp::create(
            b, loc, shader,
            gpu::KernelDim3{constant(area.columns), constant(area.rows),
                            constant(1)},
            gpu::KernelDim3{constant(kThreads), constant(1), constant(1)},
            Value(), bindings.operands);
        dispatch->setAttr(attribute::part, b.getI64IntegerAttr(number));
        dispatch->setAttr(attribute::accesses,
                          b.getDenseI64ArrayAttr(accesses));
        if (!bindings.offsets.empty())
          dispatch->setAttr(attribute::offsets,
                            b.getDenseI32ArrayAttr(bindings.offsets));
        if (area.firstColumn != 0 || area.firstRow != 0)
          dispatch->setAttr(
              attribute::firstGroup,
              b.getDenseI64ArrayAttr({area.firstColumn, area.firstRow}));
      }
    }
    return success();
  }

  /// An error if a binding has more bytes than the devices allow.
  static LogicalResult checkSizes(LaunchOp launch, const Bindings &bindings,
                                  const DeviceRow &row) {
    for (Value buffer : bindings.operands)
      if (int64_t bytes = placeOf(buffer).bytes; bytes > row.mostBytes)
        return launch.emitError("a buffer of '")
               << launch.getCallee() << "' has " << bytes
               << " bytes, but devices of the target allow " << row.mostBytes;
    return success();
  }

  /// Some workgroups of a dispatch.
  struct Area {
    int64_t firstColumn, firstRow, columns, rows;
  };

  /// All workgroups of `part`, in as many areas as keep each below
  /// `kMostSeconds`.
  static SmallVector<Area> divideGroups(const KernelPart &part,
                                        const DeviceRow &row) {
    int64_t groups = part.threads.countWorkgroups(),
            rows = llvm::divideCeil(groups, kMostGroups),
            columns = llvm::divideCeil(groups, rows);
    double seconds = countOperations(part.nest) / row.operationsPerSecond;
    if (isPortable(part.nest.statements.front().op))
      seconds *= kPortableCost;
    auto pieces = static_cast<int64_t>(std::ceil(seconds / kMostSeconds));
    // A row of many pieces has columns; of several rows, each is one piece at
    // least.
    int64_t most = rows == 1 ? columns : rows;
    int64_t step = llvm::divideCeil(most, std::clamp<int64_t>(pieces, 1, most));
    SmallVector<Area> areas;
    for (int64_t first = 0; first < most; first += step) {
      int64_t count = std::min(step, most - first);
      areas.push_back(rows == 1 ? Area{first, 0, count, 1}
                                : Area{0, first, columns, count});
    }
    return areas;
  }

  /// What `launch` gives for a buffer of its kernel, with one dimension.
  static Value operandFor(OpBuilder &b, Location loc, LaunchOp launch,
                          Value buffer) {
    Source source = sourceOf(buffer);
    Value operand = launch.getOperand(source.argument);
    auto type = cast<MemRefType>(buffer.getType());
    if (source.part) {
      Value start = arith::ConstantIndexOp::create(
          b, loc, *getConstantIntValue(source.part.getByteShift()));
      operand =
          memref::ViewOp::create(b, loc, type, operand, start, ValueRange());
    }
    MemRefType flat =
        MemRefType::get({type.getNumElements()}, type.getElementType());
    if (operand.getType() != flat)
      operand = memref::ReinterpretCastOp::create(
          b, loc, flat, operand, /*offset=*/0,
          ArrayRef<int64_t>{type.getNumElements()}, ArrayRef<int64_t>{1});
    return memref::MemorySpaceCastOp::create(b, loc, flatten(type), operand);
  }

  /// The shader of part `index` whose buffers are bound like this.
  gpu::GPUFuncOp shaderFor(PartedKernel &kernel, size_t index,
                           const Bindings &bindings) {
    std::string key = (kernel.func.getSymName() + "#" + Twine(index)).str();
    for (auto [place, pushed] :
         llvm::zip_equal(bindings.places, bindings.pushed))
      key += llvm::formatv(",{0}:{1}", place.first,
                           pushed < 0 ? place.second : ~int64_t(pushed));
    gpu::GPUFuncOp &shader = known[key];
    if (!shader)
      shader = emitShader(kernel, index, bindings);
    return shader;
  }

  gpu::GPUFuncOp emitShader(PartedKernel &kernel, size_t index,
                            const Bindings &bindings) {
    KernelPart &part = kernel.parts[index];
    DenseSet<unsigned> written;
    for (size_t i = part.numRead; i < part.buffers.size(); ++i)
      written.insert(bindings.places[i].first);
    Location loc = part.nest.statements.front().op.getLoc();
    OpBuilder b = OpBuilder::atBlockEnd(shaders.getBody());
    auto shader = gpu::GPUFuncOp::create(
        b, loc, nameFor(kernel.func.getSymName()),
        b.getFunctionType(ValueRange(bindings.operands).getTypes(), {}));
    shader->setAttr(gpu::GPUDialect::getKernelFuncAttrName(), b.getUnitAttr());
    shader.setKnownBlockSizeAttr(
        b.getDenseI32ArrayAttr({static_cast<int32_t>(kThreads), 1, 1}));
    for (unsigned argument : written)
      shader.setArgAttr(argument, attribute::written, b.getUnitAttr());
    b.setInsertionPointToStart(&shader.getBody().front());
    SmallVector<ShaderBuffer> buffers;
    for (auto [place, pushed] :
         llvm::zip_equal(bindings.places, bindings.pushed)) {
      Value base;
      if (pushed >= 0)
        base = arith::IndexCastOp::create(
            b, loc, b.getIndexType(),
            spirv::getPushConstantValue(shader, kMostPushed, pushed,
                                        b.getI32Type(), b));
      else if (place.second != 0)
        base = arith::ConstantIndexOp::create(b, loc, place.second);
      buffers.push_back({shader.getArgument(place.first), base});
    }
    if (!bindings.offsets.empty())
      shader->setAttr(attribute::pushed,
                      b.getI64IntegerAttr(bindings.offsets.size()));
    auto bufferOf = [&](Value root) {
      return buffers[llvm::find(part.buffers, root) - part.buffers.begin()];
    };
    emitGuarded(b, loc, part, kernel.registers, bufferOf);
    flattenLoads(shader, bufferOf);
    b.setInsertionPointToEnd(&shader.getBody().front());
    gpu::ReturnOp::create(b, loc);
    takeConstants(shader);
    return shader;
  }

  /// Makes loads at computed places, which bodies have, ones of the shader's
  /// flat buffers.
  static void flattenLoads(gpu::GPUFuncOp shader, FindBuffer bufferOf) {
    shader.walk([&](memref::LoadOp load) {
      // Others are the shader's own.
      if (shader.getBody().isAncestor(load.getMemRef().getParentRegion()))
        return;
      OpBuilder b(load);
      Location loc = load.getLoc();
      SmallVector<int64_t> strides;
      int64_t offset;
      (void)load.getMemRefType().getStridesAndOffset(strides, offset);
      Value place = arith::ConstantIndexOp::create(b, loc, offset);
      for (auto [index, stride] : llvm::zip_equal(load.getIndices(), strides)) {
        Value factor = arith::ConstantIndexOp::create(b, loc, stride);
        Value term = arith::MulIOp::create(b, loc, index, factor);
        place = arith::AddIOp::create(b, loc, place, term);
      }
      ShaderBuffer buffer = bufferOf(findRoot(load.getMemRef()));
      Value value = memref::LoadOp::create(b, loc, buffer.memory,
                                           placeIn(b, loc, buffer, place));
      load.replaceAllUsesWith(value);
      load.erase();
    });
  }

  /// The points of this thread, and its code if there are such points.
  static void emitGuarded(OpBuilder &b, Location loc, KernelPart &part,
                          const DenseSet<Operation *> &registers,
                          FindBuffer bufferOf) {
    auto constant = [&](int64_t value) -> Value {
      return arith::ConstantIndexOp::create(b, loc, value);
    };
    Value group = gpu::BlockIdOp::create(b, loc, gpu::Dimension::x);
    int64_t groups = part.threads.countWorkgroups();
    if (int64_t rows = llvm::divideCeil(groups, kMostGroups); rows > 1) {
      Value row = gpu::BlockIdOp::create(b, loc, gpu::Dimension::y);
      Value before = arith::MulIOp::create(
          b, loc, row, constant(llvm::divideCeil(groups, rows)));
      group = arith::AddIOp::create(b, loc, group, before);
    }
    Value lane = gpu::ThreadIdOp::create(b, loc, gpu::Dimension::x);
    Value item = group;
    if (part.threads.sharing == Sharing::Apart) {
      Value first = arith::MulIOp::create(b, loc, group, constant(kThreads));
      item = arith::AddIOp::create(b, loc, first, lane);
    }
    Value inside = arith::CmpIOp::create(b, loc, arith::CmpIPredicate::ult,
                                         item, constant(part.threads.count));
    auto guard = scf::IfOp::create(b, loc, inside);
    b.setInsertionPointToStart(guard.thenBlock());
    if (!part.loop)
      return emitThread(b, part.nest, part.threads, item, lane, registers,
                        bufferOf);
    scf::ForOp around = part.loop;
    auto loop = scf::ForOp::create(b, loc, around.getLowerBound(),
                                   around.getUpperBound(), around.getStep());
    b.setInsertionPointToStart(loop.getBody());
    IRMapping map;
    map.map(around.getInductionVar(), loop.getInductionVar());
    for (Operation &op : around.getBody()->without_terminator())
      if (isa<memref::LoadOp>(op) ||
          (isPure(&op) && !isa<ViewLikeOpInterface>(op)))
        b.clone(op, map);
    emitThread(b, part.nest, part.threads, item, lane, registers, bufferOf);
    loop.walk([&](Operation *op) {
      for (OpOperand &operand : op->getOpOperands())
        operand.set(map.lookupOrDefault(operand.get()));
    });
  }

  /// Gives the shader copies of what its code uses of the kernel: constants,
  /// and what is computed from these.
  static void takeConstants(gpu::GPUFuncOp shader) {
    IRMapping map;
    OpBuilder b = OpBuilder::atBlockBegin(&shader.getBody().front());
    std::function<void(Value)> take = [&](Value value) {
      Operation *op = value.getDefiningOp();
      if (!op || map.contains(value) || shader->isProperAncestor(op))
        return;
      for (Value operand : op->getOperands())
        take(operand);
      b.clone(*op, map);
    };
    shader.walk([&](Operation *op) {
      for (OpOperand &operand : op->getOpOperands()) {
        take(operand.get());
        operand.set(map.lookupOrDefault(operand.get()));
      }
    });
  }

  /// A name that no other shader has. The digits of a kernel's name may be
  /// those of another kernel's second shader.
  std::string nameFor(StringRef kernel) {
    std::string name = kernel.str();
    for (unsigned i = 1; !names.insert(name).second; ++i)
      name = (kernel + "_" + Twine(i)).str();
    return name;
  }

  gpu::GPUModuleOp shaders;
  llvm::StringMap<gpu::GPUFuncOp> known;
  llvm::StringSet<> names;
};

} // namespace
} // namespace mlir::pock
