/* services/gateway/openapi.h -- docs/openapi/gateway.json, made part of the program. */
#pragma once

extern const char openapi_json[];
