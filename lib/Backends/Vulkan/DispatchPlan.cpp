//===- DispatchPlan.cpp - The functions of a module as dispatches ---------===//
//
// All numbers are little-endian; texts have their length before them, and are
// padded to four bytes. A plan is
//
//   "PKVK", version, number of shaders, number of functions,
//   for each shader: name, number of arguments, number of words pushed to it
//   for each function: name, number of inputs and outputs, number of commands,
//     the bytes of constants, state, arena, and of the memory of inputs and
//     outputs (64 bits each),
//     for each input and output: whether it is an output, offset, bytes (64
//     bits each)
//     for each command: kind,
//       dispatch: number of the launch that it is a part of, shader, the first
//       group in x and y, groups in x and y, whether a barrier comes before,
//         for each argument of the shader: the number of its memory in the
//           order above, offset (64 bits), bytes (64 bits)
//         the words
//       failure: the number of the flag's memory, offset (64 bits), code
//   what the device must have, as bits: portable arithmetic, stores of bytes,
//   stores of floats of 16 bits
//   if arithmetic is portable, of the function that shows whether the device
//   has it: its number, the number of words of its input, these, the number of
//   words of its output, these
//
//===----------------------------------------------------------------------===//

#include "DispatchPlan.h"
#include "Places.h"
#include "Pock/IR/AttributeNames.h"
#include "Pock/IR/Pock.h"
#include "Pock/IR/PockUtils.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/GPU/IR/GPUDialect.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SPIRV/IR/SPIRVOps.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"
#include "llvm/ADT/MapVector.h"
#include "llvm/Support/Endian.h"

using namespace mlir;
using namespace mlir::pock;

static constexpr uint32_t version = 4;

Place pock::placeOf(Value buffer) {
  auto whole = cast<MemRefType>(buffer.getType());
  int64_t offset = 0, bytes = whole.hasStaticShape() ? bytesOf(whole) : 0;
  while (Operation *op = buffer.getDefiningOp()) {
    if (auto view = dyn_cast<memref::ViewOp>(op)) {
      offset += *getConstantIntValue(view.getByteShift());
      if (!view.getSizes().empty())
        bytes = *getConstantIntValue(view.getSizes()[0]) *
                bytesOf(view.getType().getElementType());
    }
    // Other views of plans begin where their source does.
    buffer = op->getOperand(0);
  }
  return {cast<BlockArgument>(buffer).getArgNumber(), offset, bytes};
}

namespace {
/// Appends numbers and texts to a plan.
class Writer {
public:
  std::string bytes;

  void number(uint32_t value) { append(value); }
  void wide(uint64_t value) { append(value); }
  void text(StringRef value) {
    number(value.size());
    bytes += value;
    bytes.append(llvm::offsetToAlignment(value.size(), llvm::Align(4)), '\0');
  }

private:
  template <typename T>
  void append(T value) {
    char raw[sizeof(T)];
    llvm::support::endian::write(raw, value, llvm::endianness::little);
    bytes.append(raw, sizeof(T));
  }
};

/// What dispatches since the last barrier access.
class Hazards {
public:
  /// Whether an access to `place` has to wait for one of them.
  bool conflicts(const Place &place, bool writes) const {
    return llvm::any_of(accesses, [&](const Access &access) {
      return (writes || access.writes) &&
             access.place.argument == place.argument &&
             access.place.offset < place.offset + place.bytes &&
             place.offset < access.place.offset + access.place.bytes;
    });
  }
  void add(const Place &place, bool writes) {
    accesses.push_back({place, writes});
  }
  void clear() { accesses.clear(); }

private:
  struct Access {
    Place place;
    bool writes;
  };
  SmallVector<Access> accesses;
};

/// The memories of a function.
enum Memory : uint32_t { Constants, State, Arena, InputsAndOutputs };
constexpr size_t kMemories = 4;
enum class CommandKind : uint32_t { Dispatch, Failure };

Memory memoryOf(func::FuncOp function, unsigned argument) {
  auto segment =
      function.getArgAttrOfType<StringAttr>(argument, attribute::segment);
  return !segment                 ? InputsAndOutputs
         : segment == "constants" ? Constants
         : segment == "state"     ? State
                                  : Arena;
}

/// Writes the functions of a module as a plan.
class PlanBuilder {
public:
  PlanBuilder(ModuleOp module) : module(module) {
    module.walk([&](gpu::GPUFuncOp shader) {
      shaders.insert({shader.getName(), shader});
    });
  }

  std::string build() {
    SmallVector<func::FuncOp> functions;
    for (auto function : module.getOps<func::FuncOp>())
      if (function.isPublic() && !function.isExternal())
        functions.push_back(function);
    plan.bytes = "PKVK";
    plan.number(version);
    plan.number(shaders.size());
    plan.number(functions.size());
    for (auto &[name, shader] : shaders) {
      plan.text(name);
      plan.number(shader.getNumArguments());
      auto pushed = shader->getAttrOfType<IntegerAttr>(attribute::pushed);
      plan.number(pushed ? pushed.getInt() : 0);
    }
    llvm::for_each(functions, [&](func::FuncOp function) { write(function); });
    writeNeeds(functions);
    return std::move(plan.bytes);
  }

private:
  void write(func::FuncOp function) {
    plan.text(function.getSymName());
    uint32_t numCommands =
        llvm::count_if(function.getBody().front(), [](Operation &op) {
          return isa<gpu::LaunchFuncOp, FailIfOp>(op);
        });
    int64_t bytes[kMemories] = {};
    ArrayRef<int64_t> packed;
    for (auto [i, type] : llvm::enumerate(function.getArgumentTypes())) {
      bytes[memoryOf(function, i)] = bytesOf(cast<MemRefType>(type));
      if (auto layout = function.getArgAttrOfType<DenseI64ArrayAttr>(
              i, attribute::packed))
        packed = layout.asArrayRef();
    }
    plan.number(packed.size() / 3);
    plan.number(numCommands);
    for (int64_t size : bytes)
      plan.wide(size);
    for (int64_t entry : packed)
      plan.wide(entry);
    current = function;
    hazards.clear();
    for (Operation &op : function.getBody().front()) {
      if (auto failure = dyn_cast<FailIfOp>(op))
        write(failure);
      else if (auto dispatch = dyn_cast<gpu::LaunchFuncOp>(op))
        write(dispatch);
    }
  }

  /// Whether shaders use something that not every device has.
  bool has(spirv::Capability capability) {
    return llvm::any_of(
        module.getOps<spirv::ModuleOp>(), [&](spirv::ModuleOp shaders) {
          return llvm::is_contained(shaders.getVceTriple()->getCapabilities(),
                                    capability);
        });
  }

  void writeNeeds(ArrayRef<func::FuncOp> functions) {
    const auto *probe = llvm::find_if(functions, [](func::FuncOp function) {
      return function->hasAttr(attribute::probeOutputs);
    });
    bool isPortable = probe != functions.end();
    plan.number(isPortable |
                has(spirv::Capability::StorageBuffer8BitAccess) << 1 |
                has(spirv::Capability::StorageBuffer16BitAccess) << 2);
    if (!isPortable)
      return;
    plan.number(probe - functions.begin());
    for (StringRef name : {attribute::probeInputs, attribute::probeOutputs}) {
      func::FuncOp function = *probe;
      auto words = function->getAttrOfType<DenseI32ArrayAttr>(name);
      plan.number(words.size());
      for (int32_t word : words.asArrayRef())
        plan.number(word);
    }
  }

  void write(FailIfOp failure) {
    Place flag = placeOf(failure.getFlag());
    plan.number(static_cast<uint32_t>(CommandKind::Failure));
    plan.number(memoryOf(current, flag.argument));
    plan.wide(flag.offset);
    plan.number(failure.getCode().value_or(1));
    // The host waits for everything before it.
    hazards.clear();
  }

  void write(gpu::LaunchFuncOp dispatch) {
    bool waits = mustWait(dispatch);
    plan.number(static_cast<uint32_t>(CommandKind::Dispatch));
    plan.number(dispatch->getAttrOfType<IntegerAttr>(attribute::part).getInt());
    plan.number(shaders.find(dispatch.getKernelName()) - shaders.begin());
    auto first =
        dispatch->getAttrOfType<DenseI64ArrayAttr>(attribute::firstGroup);
    for (size_t i = 0; i < 2; ++i)
      plan.number(first ? first[i] : 0);
    gpu::KernelDim3 groups = dispatch.getGridSizeOperandValues();
    for (Value extent : {groups.x, groups.y})
      plan.number(*getConstantIntValue(extent));
    plan.number(waits);
    for (Value operand : dispatch.getKernelOperands()) {
      Place place = placeOf(operand);
      plan.number(memoryOf(current, place.argument));
      plan.wide(place.offset);
      plan.wide(place.bytes);
    }
    if (auto words =
            dispatch->getAttrOfType<DenseI32ArrayAttr>(attribute::offsets))
      for (int32_t word : words.asArrayRef())
        plan.number(word);
  }

  /// Whether the dispatch needs what those since the last barrier access; adds
  /// its own accesses. Its bindings may have more memory than it accesses.
  bool mustWait(gpu::LaunchFuncOp dispatch) {
    // The rest of a dispatch needs nothing of its begin.
    if (dispatch->hasAttr(attribute::firstGroup))
      return false;
    auto accesses =
        dispatch->getAttrOfType<DenseI64ArrayAttr>(attribute::accesses);
    SmallVector<std::pair<Place, bool>> found;
    for (size_t i = 0; i < accesses.asArrayRef().size(); i += 4) {
      ArrayRef<int64_t> access = accesses.asArrayRef().slice(i, 4);
      found.push_back({{static_cast<unsigned>(access[0]), access[1], access[2]},
                       access[3] != 0});
    }
    bool waits = llvm::any_of(found, [&](auto &access) {
      return hazards.conflicts(access.first, access.second);
    });
    if (waits)
      hazards.clear();
    for (auto &[place, writes] : found)
      hazards.add(place, writes);
    return waits;
  }

  ModuleOp module;
  /// The function whose commands are written.
  func::FuncOp current;
  Writer plan;
  llvm::MapVector<StringRef, gpu::GPUFuncOp> shaders;
  Hazards hazards;
};
} // namespace

FailureOr<std::string> pock::buildDispatchPlan(ModuleOp module) {
  return PlanBuilder(module).build();
}
