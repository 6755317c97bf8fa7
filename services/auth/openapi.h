/* services/auth/openapi.h -- docs/openapi/auth.json, made part of the program. */
#pragma once

extern const char openapi_json[];
