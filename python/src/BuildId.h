//===- BuildId.h - what the loaded compiler was built from ------*- C++ -*-===//

#ifndef POCK_PYTHON_BUILDID_H
#define POCK_PYTHON_BUILDID_H

#include <string>

/// The linker's build identifiers of this library and of the libraries of LLVM
/// that the process has loaded, in hexadecimal. Two equal texts stand for the
/// same compiler. Empty if a library has none.
std::string getBuildId();

#endif // POCK_PYTHON_BUILDID_H
