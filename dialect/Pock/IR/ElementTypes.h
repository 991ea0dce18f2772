//===- ElementTypes.h - The elements of tensors -----------------*- C++ -*-===//
//
// The one table of the element types that parameters, inputs and values of the
// arena may have. Python reads it through the extension module.
//
//===----------------------------------------------------------------------===//

#ifndef POCK_IR_ELEMENTTYPES_H
#define POCK_IR_ELEMENTTYPES_H

#include "mlir/IR/Types.h"

#include <string>

namespace mlir::pock {

enum class ElementKind { Boolean, Integer, Float };

struct ElementType {
  /// As MLIR writes it: `f32`.
  StringLiteral name;
  /// The width of a value, and the bytes that it takes in memory.
  int64_t bits, bytes;
  ElementKind kind;
};

/// All of them, narrow ones first.
ArrayRef<ElementType> getElementTypes();

/// The entry of `type`, an element or a shaped type; null if it has none.
const ElementType *lookupElementType(Type type);

/// Whether arithmetic on `type`, a scalar or a vector, is work that a model
/// asks for: neither truth values, nor indices of loops and buffers.
bool isNumber(Type type);

/// JSON of the table: `[{"name", "bits", "bytes", "kind"}, …]` with the kinds
/// `boolean`, `integer` and `float`.
std::string describeElementTypes();

} // namespace mlir::pock

#endif // POCK_IR_ELEMENTTYPES_H
