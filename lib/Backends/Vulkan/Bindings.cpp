//===- Bindings.cpp - How the buffers of a dispatch are bound -------------===//

#include "Bindings.h"
#include "Places.h"
#include "Pock/IR/PockUtils.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "llvm/ADT/MapVector.h"

using namespace mlir;

namespace mlir::pock {
namespace {

/// Different buffers in one argument, with one type of elements.
struct Group {
  SmallVector<unsigned> members;
  int64_t begin = 0, end = 0;
};

class Binder {
public:
  Binder(OpBuilder &b, Location loc, ArrayRef<Value> buffers) : b(b), loc(loc) {
    for (Value buffer : buffers) {
      Place place = placeOf(buffer);
      auto *found = llvm::find(places, place);
      numberOf.push_back(found - places.begin());
      if (found != places.end())
        continue;
      places.push_back(place);
      different.push_back(buffer);
    }
  }

  Bindings bind(unsigned mostBindings) {
    bool merge = different.size() > mostBindings;
    for (auto [i, buffer] : llvm::enumerate(different)) {
      const Place &place = places[i];
      BlockArgument argument = b.getBlock()->getArgument(place.argument);
      Group &group = groups[{merge ? Value(argument) : buffer,
                             getElementTypeOrSelf(buffer)}];
      bool isFirst = group.members.empty();
      group.members.push_back(i);
      group.begin =
          isFirst ? place.offset : std::min(group.begin, place.offset);
      group.end = std::max(group.end, place.offset + place.bytes);
    }
    SmallVector<std::pair<unsigned, int64_t>> at(different.size());
    SmallVector<int> pushed(different.size(), -1);
    for (auto &[key, group] : groups) {
      bool isAlone = group.members.size() == 1;
      for (unsigned member : group.members) {
        int64_t distance = places[member].offset - group.begin;
        at[member] = {result.operands.size(), distance / bytesOf(key.second)};
        if (isAlone)
          continue;
        pushed[member] = result.offsets.size();
        result.offsets.push_back(at[member].second);
      }
      result.operands.push_back(isAlone ? different[group.members.front()]
                                        : view(key, group));
    }
    if (result.offsets.size() > kMostPushed) {
      llvm::fill(pushed, -1);
      result.offsets.clear();
    }
    // All shaders declare the same array of words.
    if (!result.offsets.empty())
      result.offsets.resize(kMostPushed);
    for (unsigned number : numberOf) {
      result.places.push_back(at[number]);
      result.pushed.push_back(pushed[number]);
    }
    return std::move(result);
  }

private:
  /// An argument from the first to the last member of `group`.
  Value view(std::pair<Value, Type> key, const Group &group) {
    auto constant = [&](int64_t value) -> Value {
      return arith::ConstantIndexOp::create(b, loc, value);
    };
    auto memory = cast<MemRefType>(different[group.members.front()].getType());
    MemRefType type = MemRefType::get({ShapedType::kDynamic}, key.second);
    int64_t count = (group.end - group.begin) / bytesOf(key.second);
    Value part = memref::ViewOp::create(b, loc, type, key.first,
                                        constant(group.begin), constant(count));
    return memref::MemorySpaceCastOp::create(
        b, loc,
        MemRefType::get(type.getShape(), key.second,
                        MemRefLayoutAttrInterface(), memory.getMemorySpace()),
        part);
  }

  OpBuilder &b;
  Location loc;
  /// All buffers without repetition, where they lie, and for each given buffer
  /// its number among them.
  SmallVector<Value> different;
  SmallVector<Place> places;
  SmallVector<unsigned> numberOf;
  llvm::MapVector<std::pair<Value, Type>, Group> groups;
  Bindings result;
};

} // namespace

Bindings bindBuffers(OpBuilder &b, Location loc, ArrayRef<Value> buffers,
                     unsigned mostBindings) {
  return Binder(b, loc, buffers).bind(mostBindings);
}

} // namespace mlir::pock
