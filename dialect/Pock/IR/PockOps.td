//===- PockOps.td - all ops of the pock dialect ------------*- tablegen -*-===//

#ifndef POCK_OPS_TD
#define POCK_OPS_TD

include "Pock/IR/PockAttentionOps.td"
include "Pock/IR/PockContractionOps.td"
include "Pock/IR/PockElementwiseOps.td"
include "Pock/IR/PockGradientOps.td"
include "Pock/IR/PockIndexingOps.td"
include "Pock/IR/PockKernelOps.td"
include "Pock/IR/PockLossOps.td"
include "Pock/IR/PockNormOps.td"
include "Pock/IR/PockOptimizerOps.td"
include "Pock/IR/PockPoolingOps.td"
include "Pock/IR/PockQuantOps.td"
include "Pock/IR/PockRandomOps.td"
include "Pock/IR/PockReductionOps.td"
include "Pock/IR/PockShapeOps.td"
include "Pock/IR/PockStructureOps.td"

#endif // POCK_OPS_TD
