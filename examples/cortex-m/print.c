/* Prints numbers as text. */
#include "board.h"

/* Without division, for which a Cortex-M0+ has no instruction. */
void print_number(uint32_t number) {
  static const uint32_t powers[] = {1000000000, 100000000, 10000000, 1000000,
                                    100000,     10000,     1000,     100,
                                    10,         1};
  char text[11];
  char *at = text;
  for (int index = 0; index < 10; ++index) {
    char digit = '0';
    for (; number >= powers[index]; number -= powers[index])
      ++digit;
    if (digit != '0' || at != text || index == 9)
      *at++ = digit;
  }
  *at = 0;
  board_print(text);
}

void print_hex(uint32_t number) {
  char text[11] = "0x00000000";
  for (int digit = 9; digit > 1; --digit, number >>= 4)
    text[digit] = "0123456789abcdef"[number & 15];
  board_print(text);
}

void print_fraction(float number) {
  if (number < 0) {
    board_print("-");
    number = -number;
  }
  if (!(number < 4000000.0f)) { /* too large, or NaN */
    board_print("out of range");
    return;
  }
  uint32_t thousandths = (uint32_t)(number * 1000.0f + 0.5f);
  print_number(thousandths / 1000);
  char digits[] = {'.', (char)('0' + thousandths / 100 % 10),
                   (char)('0' + thousandths / 10 % 10),
                   (char)('0' + thousandths % 10), 0};
  board_print(digits);
}
