// RUN: pock-opt %s --pock-select-algorithms=winograd=sometimes --verify-diagnostics

// expected-error @+1 {{expected option 'winograd' to be auto, always or never, but got 'sometimes'}}
module {
}
