/* lib/http/client/share.h -- what several clients of one peer have in common. */
#pragma once

/*
 * TLS sessions: the second client resumes the session of the first one, so that certificates are
 * not sent and checked again (RFC 8446, 2.2); nor are they parsed again. All its clients have the
 * same three texts in their options. The clients keep it alive; any thread.
 */
struct lp_http_share;
struct lp_http_share *lp_http_share_new(const char *ca_pem, const char *cert_pem,
                                        const char *key_pem);
void lp_http_share_free(struct lp_http_share *s); /* NULL is fine */
