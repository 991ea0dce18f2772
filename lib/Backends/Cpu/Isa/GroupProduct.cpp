//===- GroupProduct.cpp - The rows that a target supports -----------------===//

#include "GroupProduct.h"

#include "../TargetMachine.h"
#include "Pock/IR/AttributeNames.h"

using namespace mlir;
using namespace mlir::pock;

static Type typeOf(GroupElement element, MLIRContext *context) {
  auto integer = [&](unsigned width, IntegerType::SignednessSemantics sign) {
    return IntegerType::get(context, width, sign);
  };
  switch (element) {
  case GroupElement::BF16:
    return BFloat16Type::get(context);
  case GroupElement::SI8:
    return integer(8, IntegerType::Signed);
  case GroupElement::UI8:
    return integer(8, IntegerType::Unsigned);
  case GroupElement::SI16:
    return integer(16, IntegerType::Signed);
  }
  llvm_unreachable("all elements are listed");
}

int64_t GroupProduct::getGroup() const {
  bool bytes = lhs == GroupElement::SI8 || lhs == GroupElement::UI8;
  return bytes ? 4 : 2;
}

Type GroupProduct::getLhsType(MLIRContext *context) const {
  return typeOf(lhs, context);
}

Type GroupProduct::getRhsType(MLIRContext *context) const {
  return typeOf(rhs, context);
}

Type GroupProduct::getSumType(MLIRContext *context) const {
  if (lhs == GroupElement::BF16)
    return Float32Type::get(context);
  return IntegerType::get(context, 32);
}

/// The table of the processor's instruction set.
static ArrayRef<GroupProduct> tableOf(const llvm::Triple &triple) {
  if (triple.isX86())
    return getX86GroupProducts();
  if (triple.isAArch64())
    return getAArch64GroupProducts();
  if (triple.isARM() || triple.isThumb())
    return getArmGroupProducts();
  return {};
}

SmallVector<const GroupProduct *>
pock::listGroupProducts(const TargetDescription &target) {
  SmallVector<const GroupProduct *> rows;
  // Sums have the width of a float. Instructions with fewer lanes than a vector
  // has would waste most of the vector.
  int64_t vectorLanes = std::max<int64_t>(1, target.vectorBytes / 4);
  for (const GroupProduct &row : tableOf(tripleOf(target)))
    if (row.lanes.back() >= vectorLanes &&
        (target.vectorBytes || row.lanes.front() == 1) &&
        !(row.rounds && target.portable) && hasFeatures(target, row.features))
      rows.push_back(&row);
  return rows;
}

SmallVector<const GroupProduct *>
pock::listScalarProducts(const TargetDescription &target) {
  SmallVector<const GroupProduct *> rows;
  for (const GroupProduct &row : tableOf(tripleOf(target)))
    if (row.lanes.back() == 1 && hasFeatures(target, row.features))
      rows.push_back(&row);
  return rows;
}

/// The rows for vectors that multiply bytes.
static SmallVector<const GroupProduct *>
listRowsForBytes(const TargetDescription &target) {
  SmallVector<const GroupProduct *> rows;
  if (target.vectorBytes > 0)
    rows = listGroupProducts(target);
  llvm::erase_if(rows,
                 [](const GroupProduct *row) { return !row->takesBytes(); });
  return rows;
}

bool pock::hasGroupsOfBytes(const TargetDescription &target) {
  return !listRowsForBytes(target).empty();
}

int64_t pock::getZeroPointOfGroups(const TargetDescription &target,
                                   int64_t terms, int64_t zero) {
  for (const GroupProduct *row : listRowsForBytes(target)) {
    if (terms % row->getGroup() != 0)
      continue;
    if (row->lhs == GroupElement::SI16)
      return zero;
    if (row->lhs != row->rhs)
      return INT8_MIN;
    // (A row for unsigned bytes alone multiplies no signed ones.)
    if (row->lhs == GroupElement::SI8)
      return 0;
  }
  return 0;
}

bool pock::prefersFloatSums(const TargetDescription &target) {
  static constexpr StringLiteral fma[] = {"+fma"};
  return tripleOf(target).isX86() && target.vectorBytes > 0 &&
         hasFeatures(target, fma);
}

bool pock::mayUse(const GroupProduct &row, ModuleOp module) {
  if (!row.rounds)
    return true;
  auto precision = module->getAttrOfType<StringAttr>(attribute::precision);
  std::string element;
  llvm::raw_string_ostream(element) << row.getLhsType(module.getContext());
  return precision && precision == element;
}
