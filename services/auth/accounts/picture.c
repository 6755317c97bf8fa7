/* Reads headers only, never behind `len`. Pure; any thread. */
#include "services/auth/accounts/picture.h"

#include <string.h>

static unsigned big16(const unsigned char *p)
{
    return (unsigned)p[0] << 8 | p[1];
}

static unsigned big32(const unsigned char *p)
{
    return big16(p) << 16 | big16(p + 2);
}

static unsigned little16(const unsigned char *p)
{
    return (unsigned)p[1] << 8 | p[0];
}

static unsigned little24(const unsigned char *p)
{
    return (unsigned)p[2] << 16 | little16(p);
}

/* PNG (RFC 2083, 11.2.1): IHDR comes first. */
static bool read_png(const unsigned char *p, size_t n, struct picture *ret)
{
    if (n < 33 || memcmp(p, "\x89PNG\r\n\x1A\n", 8) != 0 || memcmp(p + 12, "IHDR", 4) != 0)
        return false;
    *ret = (struct picture){ "image/png", big32(p + 16), big32(p + 20) };
    return true;
}

static bool read_gif(const unsigned char *p, size_t n, struct picture *ret)
{
    if (n < 13 || (memcmp(p, "GIF87a", 6) != 0 && memcmp(p, "GIF89a", 6) != 0))
        return false;
    *ret = (struct picture){ "image/gif", little16(p + 6), little16(p + 8) };
    return true;
}

/* A start of frame: SOF0..SOF15 without DHT, JPG and DAC (ITU-T T.81, table B.1). */
static bool is_frame(unsigned marker)
{
    return marker >= 0xC0 && marker <= 0xCF && marker != 0xC4 && marker != 0xC8 && marker != 0xCC;
}

static bool read_jpeg(const unsigned char *p, size_t n, struct picture *ret)
{
    if (n < 4 || memcmp(p, "\xFF\xD8\xFF", 3) != 0)
        return false;
    for (size_t at = 2; at + 9 < n && p[at] == 0xFF;) {
        unsigned marker = p[at + 1];
        if (marker == 0xFF) { /* fill byte */
            at++;
            continue;
        }
        if (is_frame(marker)) {
            *ret = (struct picture){ "image/jpeg", big16(p + at + 7), big16(p + at + 5) };
            return true;
        }
        unsigned size = big16(p + at + 2);
        if (marker == 0xDA || marker == 0xD9 || size < 2)
            return false;
        at += 2 + size;
    }
    return false;
}

/* RFC 9649: lossy, lossless and extended. */
static bool read_webp(const unsigned char *p, size_t n, struct picture *ret)
{
    if (n < 30 || memcmp(p, "RIFF", 4) != 0 || memcmp(p + 8, "WEBP", 4) != 0)
        return false;
    unsigned width = 0, height = 0;
    if (memcmp(p + 12, "VP8X", 4) == 0) {
        width = little24(p + 24) + 1;
        height = little24(p + 27) + 1;
    } else if (memcmp(p + 12, "VP8L", 4) == 0 && p[20] == 0x2F) {
        unsigned bits = little24(p + 21) | (unsigned)p[24] << 24;
        width = (bits & 0x3FFF) + 1;
        height = (bits >> 14 & 0x3FFF) + 1;
    } else if (memcmp(p + 12, "VP8 ", 4) == 0 && memcmp(p + 23, "\x9D\x01\x2A", 3) == 0) {
        width = little16(p + 26) & 0x3FFF;
        height = little16(p + 28) & 0x3FFF;
    }
    *ret = (struct picture){ "image/webp", width, height };
    return width > 0;
}

bool picture_read(const void *bytes, size_t len, struct picture *ret_picture)
{
    struct picture p;
    if (!read_png(bytes, len, &p) && !read_jpeg(bytes, len, &p) && !read_gif(bytes, len, &p) &&
        !read_webp(bytes, len, &p))
        return false;
    if (p.width == 0 || p.height == 0)
        return false;
    *ret_picture = p;
    return true;
}
