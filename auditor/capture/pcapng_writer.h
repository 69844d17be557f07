// Writes a pcapng file with a comment on each packet, such as Wireshark opens: one section, one interface block for
// each interface used.
#pragma once

#include <cstdint>
#include <cstdio>
#include <map>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

#include "auditor/capture/capture_file.h"

namespace airtight::audit {

class PcapngWriter {
 public:
  // Creates a file beside `path` and renames it on finish(), so that no half file bears the name. Throws
  // std::system_error. `application` goes into the section header (shb_userappl).
  PcapngWriter(std::string path, std::string_view application);
  ~PcapngWriter();  // without finish(): the file is removed
  PcapngWriter(const PcapngWriter&) = delete;
  PcapngWriter& operator=(const PcapngWriter&) = delete;

  // `file` and `interface` tell interfaces apart; `described` says what to write of them. Nanosecond time stamps; a
  // frame without time gets 0.
  [[nodiscard]] std::error_code write(std::size_t file, const CaptureInterface& described, const Frame& frame,
                                      std::string_view comment);
  [[nodiscard]] std::error_code finish();

 private:
  std::string path_;
  std::string temporary_;
  std::FILE* out_ = nullptr;
  std::map<std::pair<std::size_t, std::uint32_t>, std::uint32_t>
      interfaces_;  // (file, interface) -> number in this file
};

}  // namespace airtight::audit
