/* Images of the model's memory, with a footer that says which step they are
 * for. `pockmlir.artifact.image` does the same in Python.
 *
 * This text is part of every exported header, with the model's name in the
 * place of "pock". It needs POCK_ABI_VERSION, the two hashes, and the codes. */

/* The CRC-32 of Ethernet and zlib, by half bytes. */
static inline uint32_t pock_image_crc(const unsigned char *bytes,
                                      size_t count) {
  static const uint32_t table[16] = {
      0x00000000, 0x1db71064, 0x3b6e20c8, 0x26d930ac, 0x76dc4190, 0x6b6b51f4,
      0x4db26158, 0x5005713c, 0xedb88320, 0xf00f9344, 0xd6d6a3e8, 0xcb61b38c,
      0x9b64c2b0, 0x86d3d2d4, 0xa00ae278, 0xbdbdf21c};
  uint32_t crc = 0xffffffff;
  for (size_t index = 0; index < count; ++index) {
    crc ^= bytes[index];
    crc = (crc >> 4) ^ table[crc & 15];
    crc = (crc >> 4) ^ table[crc & 15];
  }
  return ~crc;
}

/* Write a number, little-endian; return where the next one goes. */
static inline unsigned char *pock_image_put(unsigned char *to, uint64_t number,
                                            int bytes) {
  for (int index = 0; index < bytes; ++index, number >>= 8)
    *to++ = (unsigned char)(number & 255);
  return to;
}

/* Write the footer of this step's segment up to its CRC; return where that
 * goes. */
static inline unsigned char *pock_image_identify(unsigned char *footer,
                                                 uint32_t kind, size_t bytes) {
  footer = pock_image_put(footer, 0x6b636f70, 4); /* "pock" */
  footer = pock_image_put(footer, POCK_ABI_VERSION, 4);
  footer = pock_image_put(footer, kind, 4);
  footer = pock_image_put(footer, POCK_LAYOUT_HASH, 8);
  footer = pock_image_put(footer, POCK_FROZEN_HASH, 8);
  return pock_image_put(footer, bytes, 8);
}

/* Write the footer behind a segment. */
static inline void pock_image_seal(void *image, uint32_t kind, size_t bytes) {
  unsigned char *segment = (unsigned char *)image;
  pock_image_put(pock_image_identify(segment + bytes, kind, bytes),
                 pock_image_crc(segment, bytes), 4);
}

/* Compare the footer of an image with that of this step's segment. */
static inline int32_t pock_image_check(const void *image, size_t image_bytes,
                                       uint32_t kind, size_t bytes) {
  const unsigned char *segment = (const unsigned char *)image, *footer;
  unsigned char expected[POCK_IMAGE_FOOTER_BYTES];
  const int crc = POCK_IMAGE_FOOTER_BYTES - 4;
  int index;
  if (image_bytes < sizeof expected)
    return POCK_ERROR_IMAGE_FORMAT;
  footer = segment + (image_bytes - sizeof expected);
  pock_image_identify(expected, kind, bytes);
  for (index = 0; index < crc; ++index)
    if (footer[index] != expected[index])
      return index < 4    ? POCK_ERROR_IMAGE_FORMAT
             : index < 8  ? POCK_ERROR_IMAGE_ABI
             : index < 12 ? POCK_ERROR_IMAGE_KIND
             : index < 20 ? POCK_ERROR_IMAGE_LAYOUT
             : index < 28 ? POCK_ERROR_IMAGE_FROZEN
                          : POCK_ERROR_IMAGE_FORMAT;
  if (image_bytes - sizeof expected != bytes)
    return POCK_ERROR_IMAGE_FORMAT;
  pock_image_put(expected + crc, pock_image_crc(segment, bytes), 4);
  for (; index < POCK_IMAGE_FOOTER_BYTES; ++index)
    if (footer[index] != expected[index])
      return POCK_ERROR_IMAGE_DAMAGED;
  return 0;
}
