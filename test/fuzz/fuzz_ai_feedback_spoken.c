/* Forms of /pronunciation of any bytes: what is taken lies in the body and is what the worker
 * takes. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "services/ai-feedback/recording/reference.h"
#include "services/ai-feedback/spoken.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *body = (const char *)data;
    auto_spoken struct spoken s = { 0 };
    struct reference words;
    struct wav wav;
    struct lp_error err;

    if (spoken_read_form("multipart/form-data; boundary=b", body, size, &s, &err) < 0)
        return 0;
    if (s.audio < body || s.audio_len > size || s.audio + s.audio_len > body + size ||
        wav_read(s.audio, s.audio_len, &wav, &err) < 0 ||
        reference_read(s.text, &words, &err) < 0 || (s.l1 && strlen(s.l1) >= 36))
        abort();
    return 0;
}
