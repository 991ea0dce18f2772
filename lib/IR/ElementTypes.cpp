//===- ElementTypes.cpp - The elements of tensors -------------------------===//

#include "Pock/IR/ElementTypes.h"

#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/TypeUtilities.h"
#include "llvm/Support/JSON.h"

using namespace mlir;
using namespace mlir::pock;

// A truth value takes a byte.
static const ElementType table[] = {
    {"i1", 1, 1, ElementKind::Boolean},   {"i8", 8, 1, ElementKind::Integer},
    {"i16", 16, 2, ElementKind::Integer}, {"f16", 16, 2, ElementKind::Float},
    {"bf16", 16, 2, ElementKind::Float},  {"i32", 32, 4, ElementKind::Integer},
    {"f32", 32, 4, ElementKind::Float},   {"i64", 64, 8, ElementKind::Integer},
    {"f64", 64, 8, ElementKind::Float},
};

ArrayRef<ElementType> pock::getElementTypes() { return table; }

const ElementType *pock::lookupElementType(Type type) {
  std::string name;
  llvm::raw_string_ostream(name) << getElementTypeOrSelf(type);
  for (const ElementType &entry : table)
    if (entry.name == name)
      return &entry;
  return nullptr;
}

bool pock::isNumber(Type type) {
  Type element = getElementTypeOrSelf(type);
  if (auto integer = dyn_cast<IntegerType>(element))
    return integer.getWidth() > 1;
  return isa<FloatType>(element);
}

std::string pock::describeElementTypes() {
  llvm::json::Array entries;
  for (const ElementType &entry : table) {
    StringRef kind = entry.kind == ElementKind::Boolean   ? "boolean"
                     : entry.kind == ElementKind::Integer ? "integer"
                                                          : "float";
    entries.push_back(llvm::json::Object{{"name", entry.name},
                                         {"bits", entry.bits},
                                         {"bytes", entry.bytes},
                                         {"kind", kind}});
  }
  std::string text;
  llvm::raw_string_ostream(text) << llvm::json::Value(std::move(entries));
  return text;
}
