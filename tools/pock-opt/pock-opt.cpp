//===- pock-opt.cpp - every pass and pipeline on the command line ---------===//

#include "Pock/InitAll.h"

int main(int argc, char **argv) { return mlir::pock::optMain(argc, argv); }
