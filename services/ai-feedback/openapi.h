/* services/ai-feedback/openapi.h -- docs/openapi/ai-feedback.json, made part of the program. */
#pragma once

extern const char openapi_json[];
