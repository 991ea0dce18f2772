// RUN: pock-opt %s --pock-check-fpu --split-input-file | FileCheck %s

module attributes {pock.target = #pock.target<triple = "thumbv7em-none-eabihf", cpu = "cortex-m4", index_bits = 32>} {
// CHECK-LABEL: @init
// CHECK: %[[ADDRESS:.+]] = llvm.inttoptr
// CHECK: %[[FOUND:.+]] = llvm.load volatile %[[ADDRESS]]
// CHECK: %[[BITS:.+]] = arith.andi %[[FOUND]], %[[ON:.+]] : i32
// CHECK: %[[IS_ON:.+]] = arith.cmpi eq, %[[BITS]], %[[ON]]
// CHECK: cf.cond_br %[[IS_ON]], ^[[REST:.+]], ^[[OFF:.+]]
// CHECK: ^[[REST]]:
// CHECK: return %{{.+}} : i32
// CHECK: ^[[OFF]]:
// CHECK: %[[CODE:.+]] = arith.constant -1
// CHECK: return %[[CODE]]
func.func @init(%state: memref<8xi8>) -> i32 {
  %ok = arith.constant 0 : i32
  return %ok : i32
}

// CHECK-LABEL: @step
// CHECK-NOT: cond_br
func.func @step(%state: memref<8xi8>) -> i32 {
  %ok = arith.constant 0 : i32
  return %ok : i32
}
}

// -----

module attributes {pock.target = #pock.target<triple = "riscv32-unknown-elf", cpu = "generic-rv32", features = "+m,+f,+c", index_bits = 32>} {
// CHECK-LABEL: @init
// CHECK: %[[FOUND:.+]] = llvm.inline_asm has_side_effects "csrr $0, mstatus", "=r"
// CHECK: %[[BITS:.+]] = arith.andi %[[FOUND]]
// CHECK: arith.cmpi ne, %[[BITS]]
// CHECK: cf.cond_br
func.func @init(%state: memref<8xi8>) -> i32 {
  %ok = arith.constant 0 : i32
  return %ok : i32
}
}

// -----

// There is nothing to switch on.
module attributes {pock.target = #pock.target<triple = "thumbv7m-none-eabi", cpu = "cortex-m3", index_bits = 32>} {
// CHECK-LABEL: @init_soft
// CHECK-LABEL: @init(
// CHECK-NOT: cond_br
func.func private @init_soft()
func.func @init(%state: memref<8xi8>) -> i32 {
  %ok = arith.constant 0 : i32
  return %ok : i32
}
}

// -----

// Linux switches it on.
// CHECK-LABEL: @init(
// CHECK-NOT: cond_br
func.func @init(%state: memref<8xi8>) -> i32 {
  %ok = arith.constant 0 : i32
  return %ok : i32
}
