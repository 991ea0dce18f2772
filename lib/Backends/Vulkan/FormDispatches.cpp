//===- FormDispatches.cpp - Kernels become shaders, launches dispatches ---===//
//
// Needs a module at stage `plan`. Guarantees that no kernel and no launch is
// left, and that no two arguments of a dispatch share memory.
//
//===----------------------------------------------------------------------===//

#include "../Shared/NestFusion.h"
#include "Places.h"
#include "Pock/Backends/Vulkan/Passes.h"
#include "Pock/IR/AttributeNames.h"
#include "Pock/IR/Kernels.h"
#include "Pock/IR/Pock.h"
#include "ThreadEmitter.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/GPU/IR/GPUDialect.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/SPIRV/IR/SPIRVAttributes.h"
#include "mlir/Dialect/SPIRV/IR/SPIRVDialect.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/Interfaces/ViewLikeInterface.h"

namespace mlir::pock {
#define GEN_PASS_DEF_FORMDISPATCHES
#include "Pock/Backends/Vulkan/Passes.h.inc"
} // namespace mlir::pock

using namespace mlir;

namespace mlir::pock {
namespace {

/// Threads of a workgroup, and workgroups in one dimension of a dispatch, that
/// every device has.
constexpr int64_t kThreads = 64, kMostGroups = 65535;

/// A kernel as a list of nests.
struct Kernel {
  func::FuncOp func;
  SmallVector<Nest, 0> nests;
  DenseSet<Operation *> registers;
  /// For each nest, the buffers that it accesses in memory, first those that it
  /// only reads.
  SmallVector<SmallVector<Value>> buffers;
  /// For each nest, how many of these it only reads.
  SmallVector<int64_t> numRead;
};

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

/// Whether strides and offset of `type` are numbers.
bool isAtKnownPlace(MemRefType type) {
  SmallVector<int64_t> strides;
  int64_t offset;
  return succeeded(type.getStridesAndOffset(strides, offset)) &&
         ShapedType::isStatic(offset) && ShapedType::isStaticShape(strides);
}

/// The nests of a kernel, which must contain everything that it does.
FailureOr<Kernel> analyze(func::FuncOp func) {
  Kernel kernel{func, {}, {}, {}, {}};
  generalizeAll(func);
  kernel.nests = formNests(func);
  kernel.registers = findRegisterTemporaries(kernel.nests);
  DenseSet<Operation *> covered;
  for (Nest &nest : kernel.nests) {
    mergeLoops(nest);
    for (Statement &statement : nest.statements)
      covered.insert(statement.op);
  }
  for (Operation &op : func.getBody().front().without_terminator()) {
    // Without points or terms it does nothing.
    if (auto generic = dyn_cast<linalg::GenericOp>(op);
        generic && llvm::is_contained(generic.getStaticLoopRanges(), 0))
      continue;
    if (covered.contains(&op) || kernel.registers.contains(&op) ||
        isPure(&op) || isa<ViewLikeOpInterface>(op))
      continue;
    op.emitError("cannot be computed by a shader");
    return failure();
  }
  for (Nest &nest : kernel.nests) {
    SetVector<Value> read, written;
    for (Statement &statement : nest.statements)
      for (Access &out : statement.outs)
        if (!kernel.registers.contains(out.root.getDefiningOp()))
          written.insert(out.root);
    for (Statement &statement : nest.statements)
      for (Access &in : statement.ins)
        if (in.root && !kernel.registers.contains(in.root.getDefiningOp()) &&
            !written.contains(in.root))
          read.insert(in.root);
    for (Statement &statement : nest.statements) {
      WalkResult result = statement.op->walk([&](memref::LoadOp load) {
        if (!isAtKnownPlace(load.getMemRefType())) {
          load.emitError("reads a part of a buffer that begins at a computed "
                         "place, which a shader cannot do");
          return WalkResult::interrupt();
        }
        if (Value root = findRoot(load.getMemRef()); !written.contains(root))
          read.insert(root);
        return WalkResult::advance();
      });
      if (result.wasInterrupted())
        return failure();
    }
    kernel.numRead.push_back(read.size());
    read.insert_range(written);
    for (Value buffer : read) {
      auto part = buffer.getDefiningOp<memref::ViewOp>();
      if (!isa<BlockArgument>(part ? part.getSource() : buffer)) {
        emitError(buffer.getLoc(), "cannot be an argument of a shader");
        return failure();
      }
    }
    kernel.buffers.push_back(llvm::to_vector(read));
  }
  return kernel;
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
    llvm::StringMap<Kernel> kernels;
    for (func::FuncOp func : kernelsOf(module)) {
      FailureOr<Kernel> kernel = analyze(func);
      if (failed(kernel))
        return signalPassFailure();
      kernels.try_emplace(func.getSymName(), std::move(*kernel));
    }
    SmallVector<LaunchOp> launches;
    module.walk([&](LaunchOp op) { launches.push_back(op); });
    for (LaunchOp launch : launches) {
      lower(launch, kernels.find(launch.getCallee())->second);
      launch.erase();
    }
    for (auto &[name, kernel] : kernels)
      kernel.func.erase();
  }

private:
  /// Replaces a launch by a dispatch for each nest of its kernel.
  void lower(LaunchOp launch, Kernel &kernel) {
    OpBuilder b(launch);
    Location loc = launch.getLoc();
    for (size_t i = 0; i < kernel.nests.size(); ++i) {
      int64_t points = countPoints(kernel.nests[i]);
      if (points == 0)
        continue;
      // Buffers at the same place are one argument.
      SmallVector<Value> operands;
      SmallVector<Place> places;
      SmallVector<unsigned> argumentOf;
      for (Value buffer : kernel.buffers[i]) {
        Value operand = operandFor(b, loc, launch, buffer);
        Place place = placeOf(operand);
        auto *found = llvm::find(places, place);
        argumentOf.push_back(found - places.begin());
        if (found != places.end())
          continue;
        places.push_back(place);
        operands.push_back(operand);
      }
      gpu::GPUFuncOp shader = shaderFor(kernel, i, argumentOf);
      auto constant = [&](int64_t value) -> Value {
        return arith::ConstantIndexOp::create(b, loc, value);
      };
      int64_t groups = llvm::divideCeil(points, kThreads);
      int64_t rows = llvm::divideCeil(groups, kMostGroups);
      Value one = constant(1);
      gpu::LaunchFuncOp::create(
          b, loc, shader,
          gpu::KernelDim3{constant(llvm::divideCeil(groups, rows)),
                          constant(rows), one},
          gpu::KernelDim3{constant(kThreads), one, one}, Value(), operands);
    }
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

  /// The shader of nest `index`, in which buffer `i` is argument
  /// `argumentOf[i]`.
  gpu::GPUFuncOp shaderFor(Kernel &kernel, size_t index,
                           ArrayRef<unsigned> argumentOf) {
    std::string key = (kernel.func.getSymName() + "#" + Twine(index)).str();
    for (unsigned argument : argumentOf)
      key += "," + std::to_string(argument);
    gpu::GPUFuncOp &shader = known[key];
    if (!shader)
      shader = emitShader(kernel, index, argumentOf);
    return shader;
  }

  gpu::GPUFuncOp emitShader(Kernel &kernel, size_t index,
                            ArrayRef<unsigned> argumentOf) {
    Nest &nest = kernel.nests[index];
    ArrayRef<Value> buffers = kernel.buffers[index];
    SmallVector<Type> types;
    DenseSet<unsigned> written;
    for (auto [i, argument] : llvm::enumerate(argumentOf)) {
      if (argument == types.size())
        types.push_back(flatten(cast<MemRefType>(buffers[i].getType())));
      if (static_cast<int64_t>(i) >= kernel.numRead[index])
        written.insert(argument);
    }
    Location loc = nest.statements.front().op.getLoc();
    OpBuilder b = OpBuilder::atBlockEnd(shaders.getBody());
    std::string name = kernel.func.getSymName().str();
    if (unsigned count = names[name]++)
      name += "_" + std::to_string(count);
    auto shader =
        gpu::GPUFuncOp::create(b, loc, name, b.getFunctionType(types, {}));
    shader->setAttr(gpu::GPUDialect::getKernelFuncAttrName(), b.getUnitAttr());
    shader.setKnownBlockSizeAttr(
        b.getDenseI32ArrayAttr({static_cast<int32_t>(kThreads), 1, 1}));
    for (unsigned argument : written)
      shader.setArgAttr(argument, attribute::written, b.getUnitAttr());
    b.setInsertionPointToStart(&shader.getBody().front());
    auto bufferOf = [&](Value root) -> Value {
      const auto *found = llvm::find(buffers, root);
      return shader.getArgument(argumentOf[found - buffers.begin()]);
    };
    emitGuarded(b, loc, nest, kernel.registers, bufferOf);
    flattenLoads(shader, bufferOf);
    b.setInsertionPointToEnd(&shader.getBody().front());
    gpu::ReturnOp::create(b, loc);
    takeConstants(shader);
    return shader;
  }

  /// Makes loads at computed places, which bodies have, ones of the shader's
  /// flat buffers.
  static void flattenLoads(gpu::GPUFuncOp shader,
                           llvm::function_ref<Value(Value)> bufferOf) {
    shader.walk([&](memref::LoadOp load) {
      if (llvm::is_contained(shader.getArguments(), load.getMemRef()))
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
      Value buffer = bufferOf(findRoot(load.getMemRef()));
      Value value = memref::LoadOp::create(b, loc, buffer, place);
      load.replaceAllUsesWith(value);
      load.erase();
    });
  }

  /// The point of this thread, and its code if there is such a point.
  static void emitGuarded(OpBuilder &b, Location loc, Nest &nest,
                          const DenseSet<Operation *> &registers,
                          llvm::function_ref<Value(Value)> bufferOf) {
    auto constant = [&](int64_t value) -> Value {
      return arith::ConstantIndexOp::create(b, loc, value);
    };
    int64_t points = countPoints(nest);
    Value group = gpu::BlockIdOp::create(b, loc, gpu::Dimension::x);
    int64_t groups = llvm::divideCeil(points, kThreads);
    if (int64_t rows = llvm::divideCeil(groups, kMostGroups); rows > 1) {
      Value row = gpu::BlockIdOp::create(b, loc, gpu::Dimension::y);
      Value before = arith::MulIOp::create(
          b, loc, row, constant(llvm::divideCeil(groups, rows)));
      group = arith::AddIOp::create(b, loc, group, before);
    }
    Value first = arith::MulIOp::create(b, loc, group, constant(kThreads));
    Value thread = gpu::ThreadIdOp::create(b, loc, gpu::Dimension::x);
    Value point = arith::AddIOp::create(b, loc, first, thread);
    Value inside = arith::CmpIOp::create(b, loc, arith::CmpIPredicate::ult,
                                         point, constant(points));
    auto guard = scf::IfOp::create(b, loc, inside);
    b.setInsertionPointToStart(guard.thenBlock());
    emitThread(b, nest, point, registers, bufferOf);
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

  gpu::GPUModuleOp shaders;
  llvm::StringMap<gpu::GPUFuncOp> known;
  llvm::StringMap<unsigned> names;
};

} // namespace
} // namespace mlir::pock
