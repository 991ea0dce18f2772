//===- DescribeObject.cpp - sections, symbols and stacks of an object -----===//

#include "Pock/ObjectFiles/ObjectFiles.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/Object/ELFObjectFile.h"
#include "llvm/Object/RelocationResolver.h"
#include "llvm/Support/DataExtractor.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/JSON.h"

#include <map>
#include <set>

using namespace llvm;
using namespace mlir;

namespace {

/// Reads the parts of one file. The first error ends the work.
class Reader {
public:
  explicit Reader(const object::ELFObjectFileBase &file) : file(file) {}

  Expected<json::Object> read() {
    for (object::SectionRef section : file.sections())
      if (Error error = readSection(section))
        return error;
    for (object::ELFSymbolRef symbol : file.symbols())
      if (Error error = readSymbol(symbol))
        return error;
    for (object::SectionRef section : file.sections())
      if (Error error = readRelocations(section))
        return error;
    json::Object calls;
    for (auto &[name, found] : references)
      calls[name] = json::Array(found);
    return json::Object{{"sections", std::move(sections)},
                        {"undefined", json::Array(undefined)},
                        {"frames", std::move(frames)},
                        {"references", std::move(calls)}};
  }

private:
  Error readSection(object::SectionRef section) {
    Expected<StringRef> name = section.getName();
    if (!name)
      return name.takeError();
    uint64_t flags = object::ELFSectionRef(section).getFlags();
    sections.push_back(
        json::Object{{"name", *name},
                     {"bytes", section.getSize()},
                     {"alignment", section.getAlignment().value()},
                     {"loaded", (flags & ELF::SHF_ALLOC) != 0}});
    return Error::success();
  }

  Error readSymbol(object::ELFSymbolRef symbol) {
    Expected<StringRef> name = symbol.getName();
    if (!name)
      return name.takeError();
    Expected<uint32_t> flags = symbol.getFlags();
    if (!flags)
      return flags.takeError();
    if (*flags & object::SymbolRef::SF_Undefined) {
      if (!name->empty())
        undefined.insert(name->str());
      return Error::success();
    }
    if (symbol.getELFType() != ELF::STT_FUNC)
      return Error::success();
    Expected<object::section_iterator> section = symbol.getSection();
    if (!section)
      return section.takeError();
    // (The lowest bit of a function of Thumb is not part of its address.)
    Expected<uint64_t> address = symbol.getAddress();
    if (!address)
      return address.takeError();
    if (*section != file.section_end())
      functions[{(*section)->getIndex(), *address}].push_back(name->str());
    return Error::success();
  }

  /// Reads what a section with relocations adds to another one.
  Error readRelocations(object::SectionRef section) {
    Expected<object::section_iterator> target = section.getRelocatedSection();
    if (!target)
      return target.takeError();
    if (*target == file.section_end())
      return Error::success();
    Expected<StringRef> name = (*target)->getName();
    if (!name)
      return name.takeError();
    for (object::RelocationRef relocation : section.relocations()) {
      object::symbol_iterator symbol = relocation.getSymbol();
      if (symbol == file.symbol_end())
        continue;
      Expected<StringRef> symbolName = symbol->getName();
      if (!symbolName)
        return symbolName.takeError();
      if (*name == ".stack_sizes") {
        if (Error error = readFrame(**target, relocation, *symbol))
          return error;
      } else {
        references[name->str()].insert(symbolName->str());
      }
    }
    return Error::success();
  }

  /// Reads the entry of a function: its address, to which `relocation` applies,
  /// and the size of its frame, of variable length.
  Error readFrame(object::SectionRef section, object::RelocationRef relocation,
                  object::SymbolRef symbol) {
    Expected<StringRef> contents = section.getContents();
    if (!contents)
      return contents.takeError();
    Expected<object::section_iterator> code = symbol.getSection();
    if (!code)
      return code.takeError();
    Expected<uint64_t> value = symbol.getAddress();
    if (!value)
      return value.takeError();
    auto [supports, resolver] = object::getRelocationResolver(file);
    if (!supports || !supports(relocation.getType()) ||
        *code == file.section_end())
      return createStringError("unknown relocation in .stack_sizes");
    DataExtractor data(*contents, file.isLittleEndian(),
                       file.getBytesInAddress());
    DataExtractor::Cursor cursor(relocation.getOffset());
    uint64_t stored = data.getAddress(cursor), size = data.getULEB128(cursor);
    if (!cursor)
      return cursor.takeError();
    uint64_t address =
        object::resolveRelocation(resolver, relocation, *value, stored);
    for (const std::string &name : functions[{(*code)->getIndex(), address}])
      frames[name] = size;
    return Error::success();
  }

  const object::ELFObjectFileBase &file;
  json::Array sections;
  json::Object frames;
  std::set<std::string> undefined;
  std::map<std::string, std::set<std::string>> references;
  /// Index of the section and address -> names.
  std::map<std::pair<uint64_t, uint64_t>, std::vector<std::string>> functions;
};

} // namespace

Expected<std::string> pock::describeObject(StringRef object) {
  auto file =
      object::ObjectFile::createObjectFile(MemoryBufferRef(object, "object"));
  if (!file)
    return file.takeError();
  auto *elf = dyn_cast<object::ELFObjectFileBase>(file->get());
  if (!elf)
    return createStringError("not an ELF file");
  Expected<json::Object> description = Reader(*elf).read();
  if (!description)
    return description.takeError();
  return formatv("{0}", json::Value(std::move(*description))).str();
}
