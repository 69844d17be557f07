#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <charconv>

#include "auditor/conservation/conservation.h"

namespace airtight::audit {
namespace {

struct Counter {
  const char* name;
  std::uint64_t DeviceCounters::*member;
  bool required;
};
constexpr std::array<Counter, 12> kCounters{{{"rx_packets", &DeviceCounters::rx_packets, true},
                                             {"tx_packets", &DeviceCounters::tx_packets, true},
                                             {"rx_bytes", &DeviceCounters::rx_bytes, false},
                                             {"tx_bytes", &DeviceCounters::tx_bytes, false},
                                             {"rx_dropped", &DeviceCounters::rx_dropped, false},
                                             {"tx_dropped", &DeviceCounters::tx_dropped, false},
                                             {"rx_missed_errors", &DeviceCounters::rx_missed_errors, false},
                                             {"rx_fifo_errors", &DeviceCounters::rx_fifo_errors, false},
                                             {"rx_over_errors", &DeviceCounters::rx_over_errors, false},
                                             {"rx_errors", &DeviceCounters::rx_errors, false},
                                             {"tx_errors", &DeviceCounters::tx_errors, false},
                                             {"rx_nohandler", &DeviceCounters::rx_nohandler, false}}};

std::error_code read_number(const std::string& path, std::uint64_t& number) {
  const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (file < 0) return {errno, std::generic_category()};
  std::array<char, 32> text;
  ssize_t size = 0;
  do size = ::read(file, text.data(), text.size());
  while (size < 0 && errno == EINTR);
  const int error = errno;
  ::close(file);
  if (size < 0) return {error, std::generic_category()};
  const char* end = text.data() + size;
  if (size > 0 && end[-1] == '\n') --end;
  const auto [stop, failed] = std::from_chars(text.data(), end, number);
  if (failed != std::errc() || stop != end) return std::make_error_code(std::errc::bad_message);
  return {};
}

}  // namespace

std::error_code read_device_counters(const std::string& root, std::string_view device, DeviceCounters& counters) {
  counters = {};
  if (device.empty() || device == "." || device == ".." || device.find('/') != std::string_view::npos)
    return std::make_error_code(std::errc::invalid_argument);
  const std::string folder = root + "/" + std::string(device) + "/statistics/";
  DeviceCounters read;
  for (const Counter& counter : kCounters) {
    const auto error = read_number(folder + counter.name, read.*counter.member);
    if (error == std::errc::no_such_file_or_directory && !counter.required) continue;
    if (error) return error;
  }
  counters = read;
  return {};
}

}  // namespace airtight::audit
