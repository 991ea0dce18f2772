//===- ProbeArithmetic.cpp - Whether a device has portable arithmetic -----===//
//
// Needs shaders. Guarantees, in portable arithmetic, a function that computes
// with numbers where devices differ, and what it must give.
//
//===----------------------------------------------------------------------===//

#include "Places.h"
#include "Pock/Backends/Vulkan/Passes.h"
#include "Pock/IR/AttributeNames.h"
#include "Pock/IR/PockUtils.h"
#include "ThreadMap.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/GPU/IR/GPUDialect.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SPIRV/IR/SPIRVAttributes.h"
#include "mlir/Dialect/SPIRV/IR/SPIRVDialect.h"
#include "llvm/ADT/bit.h"

#include <cmath>

namespace mlir::pock {
#define GEN_PASS_DEF_PROBEARITHMETIC
#include "Pock/Backends/Vulkan/Passes.h.inc"
} // namespace mlir::pock

using namespace mlir;

namespace mlir::pock {
namespace {

/// Numbers where roundings, zeros and special values show.
constexpr uint32_t kNumbers[] = {
    0x00000000, 0x80000000, // 0, -0
    0x00000001, 0x807fffff, // the smallest and the largest denormal number
    0x00800000, 0x80800001, // the smallest normal numbers
    0x7f7fffff, 0xff7fffff, // the largest numbers
    0x3f800000, 0xbf800001, // 1, -(1 + 2^-23)
    0x3f7fffff, 0x33800000, // 1 - 2^-24, 2^-24: half of the last place of 1
    0x4b800001, 0xcb7fffff, // whole numbers of 24 bits
    0x3eaaaaab, 0x40490fdb, // 1/3, pi
    0x1f800001, 0x5f7ffffd, // products near the limits
    0x7f800000, 0x7fc00000, // infinity, NaN
};
constexpr size_t kCount = std::size(kNumbers);
constexpr int64_t kTerms = 3;
constexpr uint32_t kNan = 0x7fc00000;

/// One operation on up to three numbers: how a shader computes it, and what
/// IEEE 754 says.
struct Probed {
  Value (*emit)(OpBuilder &b, Location loc, ValueRange numbers);
  uint32_t (*compute)(float a, float b, float c);
};

uint32_t bitsOf(float value) {
  return std::isnan(value) ? kNan : llvm::bit_cast<uint32_t>(value);
}

template <typename Op>
Value emitBinary(OpBuilder &b, Location loc, ValueRange numbers) {
  return Op::create(b, loc, numbers[0], numbers[1]);
}

constexpr Probed kProbed[] = {
    {emitBinary<arith::AddFOp>,
     [](float a, float b, float) { return bitsOf(a + b); }},
    {emitBinary<arith::SubFOp>,
     [](float a, float b, float) { return bitsOf(a - b); }},
    {emitBinary<arith::MulFOp>,
     [](float a, float b, float) { return bitsOf(a * b); }},
    {emitBinary<arith::DivFOp>,
     [](float a, float b, float) { return bitsOf(a / b); }},
    {emitBinary<arith::MaximumFOp>,
     [](float a, float b, float) {
       return bitsOf(
           llvm::maximum(llvm::APFloat(a), llvm::APFloat(b)).convertToFloat());
     }},
    {emitBinary<arith::MinimumFOp>,
     [](float a, float b, float) {
       return bitsOf(
           llvm::minimum(llvm::APFloat(a), llvm::APFloat(b)).convertToFloat());
     }},
    {[](OpBuilder &b, Location loc, ValueRange numbers) -> Value {
       return math::FmaOp::create(b, loc, numbers[0], numbers[1], numbers[2]);
     },
     [](float a, float b, float c) { return bitsOf(std::fma(a, b, c)); }},
    {[](OpBuilder &b, Location loc, ValueRange numbers) -> Value {
       return math::SqrtOp::create(b, loc, numbers[0]);
     },
     [](float a, float, float) { return bitsOf(std::sqrt(a)); }},
    {[](OpBuilder &b, Location loc, ValueRange numbers) -> Value {
       return math::FloorOp::create(b, loc, numbers[0]);
     },
     [](float a, float, float) { return bitsOf(std::floor(a)); }},
    {[](OpBuilder &b, Location loc, ValueRange numbers) -> Value {
       Value less = arith::CmpFOp::create(b, loc, arith::CmpFPredicate::OLT,
                                          numbers[0], numbers[1]);
       return arith::UIToFPOp::create(b, loc, b.getF32Type(), less);
     },
     [](float a, float b, float) { return bitsOf(a < b ? 1.0f : 0.0f); }},
    {[](OpBuilder &b, Location loc, ValueRange numbers) -> Value {
       Value integer =
           arith::BitcastOp::create(b, loc, b.getI32Type(), numbers[0]);
       return arith::SIToFPOp::create(b, loc, b.getF32Type(), integer);
     },
     [](float a, float, float) {
       return bitsOf(static_cast<float>(llvm::bit_cast<int32_t>(a)));
     }},
};
constexpr int64_t kResults = std::size(kProbed);

struct ProbeArithmetic : impl::ProbeArithmeticBase<ProbeArithmetic> {
  using Base::Base;

  void runOnOperation() override {
    ModuleOp module = getOperation();
    auto shaders = module.getOps<gpu::GPUModuleOp>();
    if (!isPortable(module) || shaders.empty())
      return;
    makeTables();
    OpBuilder b = OpBuilder::atBlockEnd(module.getBody());
    makeFunction(b, makeShader(*shaders.begin()));
  }

private:
  /// All pairs, each with a third number; a multiple of a workgroup.
  void makeTables() {
    inputs.clear();
    outputs.clear();
    for (size_t i = 0; i < llvm::alignTo(kCount * kCount, kThreads); ++i) {
      uint32_t numbers[kTerms] = {kNumbers[i % kCount],
                                  kNumbers[i / kCount % kCount],
                                  kNumbers[(7 * i + i / kCount) % kCount]};
      float terms[kTerms];
      for (auto [term, bits] : llvm::zip_equal(terms, numbers)) {
        inputs.push_back(bits);
        term = llvm::bit_cast<float>(bits);
      }
      for (const Probed &probed : kProbed)
        outputs.push_back(probed.compute(terms[0], terms[1], terms[2]));
    }
  }

  static Value constant(OpBuilder &b, Location loc, int64_t value) {
    return arith::ConstantIndexOp::create(b, loc, value);
  }

  gpu::GPUFuncOp makeShader(gpu::GPUModuleOp shaders) {
    OpBuilder b = OpBuilder::atBlockEnd(shaders.getBody());
    Location loc = shaders.getLoc();
    auto storage = spirv::StorageClassAttr::get(
        b.getContext(), spirv::StorageClass::StorageBuffer);
    auto buffer = [&](size_t count) {
      return MemRefType::get({static_cast<int64_t>(count)}, b.getI32Type(),
                             MemRefLayoutAttrInterface(), storage);
    };
    auto shader = gpu::GPUFuncOp::create(
        b, loc, "pock_probe",
        b.getFunctionType({buffer(inputs.size()), buffer(outputs.size())}, {}));
    shader->setAttr(gpu::GPUDialect::getKernelFuncAttrName(), b.getUnitAttr());
    shader.setKnownBlockSizeAttr(
        b.getDenseI32ArrayAttr({static_cast<int32_t>(kThreads), 1, 1}));
    b.setInsertionPointToStart(&shader.getBody().front());
    Value group = gpu::BlockIdOp::create(b, loc, gpu::Dimension::x);
    Value lane = gpu::ThreadIdOp::create(b, loc, gpu::Dimension::x);
    Value first =
        arith::MulIOp::create(b, loc, group, constant(b, loc, kThreads));
    Value item = arith::AddIOp::create(b, loc, first, lane);
    auto placeOf = [&](int64_t count, int64_t number) -> Value {
      Value row = arith::MulIOp::create(b, loc, item, constant(b, loc, count));
      return arith::AddIOp::create(b, loc, row, constant(b, loc, number));
    };
    SmallVector<Value> numbers;
    for (int64_t i = 0; i < kTerms; ++i) {
      Value bits = memref::LoadOp::create(b, loc, shader.getArgument(0),
                                          placeOf(kTerms, i));
      numbers.push_back(arith::BitcastOp::create(b, loc, b.getF32Type(), bits));
    }
    Value nan = arith::ConstantIntOp::create(b, loc, kNan, 32);
    for (auto [i, probed] : llvm::enumerate(kProbed)) {
      Value result = probed.emit(b, loc, numbers);
      Value isNan = arith::CmpFOp::create(b, loc, arith::CmpFPredicate::UNO,
                                          result, result);
      Value bits = arith::BitcastOp::create(b, loc, b.getI32Type(), result);
      Value kept = arith::SelectOp::create(b, loc, isNan, nan, bits);
      memref::StoreOp::create(b, loc, kept, shader.getArgument(1),
                              placeOf(kResults, i));
    }
    gpu::ReturnOp::create(b, loc);
    return shader;
  }

  void makeFunction(OpBuilder &b, gpu::GPUFuncOp shader) {
    Location loc = shader.getLoc();
    SmallVector<int64_t> packed, accesses;
    int64_t end = 0;
    for (auto [i, type] : llvm::enumerate(shader.getArgumentTypes())) {
      int64_t begin = llvm::alignTo(end, kPackedAlignment),
              bytes = bytesOf(cast<MemRefType>(type)), isOutput = i;
      packed.append({isOutput, begin, bytes});
      accesses.append({0, begin, bytes, isOutput});
      end = begin + bytes;
    }
    auto function = func::FuncOp::create(
        b, loc, "pock_probe",
        b.getFunctionType(MemRefType::get({end}, b.getI8Type()), {}));
    function.setArgAttr(0, attribute::packed, b.getDenseI64ArrayAttr(packed));
    function->setAttr(attribute::probeInputs, b.getDenseI32ArrayAttr(inputs));
    function->setAttr(attribute::probeOutputs, b.getDenseI32ArrayAttr(outputs));
    b.setInsertionPointToStart(function.addEntryBlock());
    SmallVector<Value> arguments;
    for (auto [i, type] : llvm::enumerate(shader.getArgumentTypes())) {
      MemRefType plain =
          MemRefType::get(cast<MemRefType>(type).getShape(), b.getI32Type());
      Value part = memref::ViewOp::create(
          b, loc, plain, function.getArgument(0),
          constant(b, loc, packed[3 * i + 1]), ValueRange());
      arguments.push_back(
          memref::MemorySpaceCastOp::create(b, loc, type, part));
    }
    Value one = constant(b, loc, 1);
    int64_t groups = inputs.size() / kTerms / kThreads;
    auto dispatch = gpu::LaunchFuncOp::create(
        b, loc, shader, gpu::KernelDim3{constant(b, loc, groups), one, one},
        gpu::KernelDim3{constant(b, loc, kThreads), one, one}, Value(),
        arguments);
    dispatch->setAttr(attribute::part, b.getI64IntegerAttr(0));
    dispatch->setAttr(attribute::accesses, b.getDenseI64ArrayAttr(accesses));
    func::ReturnOp::create(b, loc);
  }

  SmallVector<int32_t> inputs, outputs;
};

} // namespace
} // namespace mlir::pock
