// Boost.Asio and Boost.JSON, compiled once for every target that links hearth::runtime.
#include <boost/asio/impl/src.hpp>
#include <boost/json/src.hpp>
