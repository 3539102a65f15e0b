#pragma once

#include "config/field.h"

// Certificates of clients.
namespace hearth::config {

[[nodiscard]] Field client_certificates_field();

}  // namespace hearth::config
