/* lib/http/server/tls.h -- what a server shows of itself and asks of its clients. */
#pragma once

struct lp_http_tls {
    const char *cert_pem, *key_pem; /* borrowed until the call returns */
    /* A client certificate is asked for, not required, and whoever needs it verifies it against
     * this. NULL: none is asked for. */
    const char *client_ca_pem;
};
