"""What a machine says of itself and its tools, in the page's language: a known sentence is said anew with its names and numbers.

Machines speak English and their sentences are kept as they came; each is here once, with places for what differs. What a machine says
beyond these (a person's own words, a library's) is shown as it came. `rest` in a sentence is a sentence again.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache, lru_cache

from django.utils.translation import get_language, gettext, gettext_noop, pgettext, pgettext_lazy

from analyticlens.protocol.tools import TOOL_CLASSES
from dashboard.contract_words import REFUSALS
from dashboard.tool_words import tool_type

# The most particular first: the first that fits is taken.
SENTENCES: tuple[str, ...] = (
    gettext_noop("tool {number} ({name}): {rest}"),
    gettext_noop("it follows {name}, which was not found"),
    gettext_noop("{name} could not prepare the picture"),
    gettext_noop("no edge on the arrow"),
    gettext_noop("the arrow leaves the picture"),
    gettext_noop("the region leaves the picture"),
    gettext_noop("the region covers no pixel"),
    gettext_noop("the inspection's time was over before this tool"),
    gettext_noop("the inspection's time was over during this tool"),
    gettext_noop("it returned {kind} instead of measures"),
    gettext_noop("{name} is no finite number"),
    gettext_noop("{name} measured no {measures}"),
    gettext_noop("its grey levels are those of 8-bit pictures, and this picture has 16 bits"),
    gettext_noop("its grey levels are those of deeper pictures, and this picture has {bits} bits"),
    gettext_noop("the region has one grey level only: there is nothing to part"),
    gettext_noop("Otsu's level {level} lies above the maximum level"),
    gettext_noop("{name} has no region, and so no coverage"),
    gettext_noop("the plug-in's found is neither true nor false"),
    gettext_noop("its contrast is {value} of that of the good ones, too far from 1 to compare them"),
    gettext_noop("its brightness is {value} of that of the good ones, too far from 1 to compare them"),
    gettext_noop("{share} % of it is black or white without any difference"),
    gettext_noop("it is {times} times as noisy as the good ones"),
    gettext_noop("a median of {size} is not possible on a 16-bit picture; up to {most} is"),
    gettext_noop("there is no tool {kind}"),
    gettext_noop("there is no blob tool before it to take measures of"),
    gettext_noop("the formula has more than {most} parts"),
    gettext_noop("the formula names no measure"),
    gettext_noop("the formula is longer than {most} characters"),
    gettext_noop("the formula has characters beyond plain ASCII"),
    gettext_noop("the formula may not hold {part}"),
    gettext_noop("the formula may hold numbers, not texts"),
    gettext_noop("the formula holds a number that is too large"),
    gettext_noop("an exponent must be a plain number"),
    gettext_noop("an exponent may be at most {most}"),
    gettext_noop("the formula may call only {names}"),
    gettext_noop("{name} is called with what it does not take"),
    gettext_noop("{name} takes a list of measures"),
    gettext_noop("{name} is a list: use it inside sum, len, min or max"),
    gettext_noop("the formula names {name}, which is no measure of that tool"),
    gettext_noop("the formula cannot be read"),
    gettext_noop("the formula divides by zero"),
    gettext_noop("the formula has no value: {problem}"),
    gettext_noop("the formula's value is not finite"),
    gettext_noop("with these parameters it can take {ms} ms, and a tool has {most} ms"),
    gettext_noop("its {thing} {sha256}… is not here"),
    gettext_noop("its {thing} {sha256}… is damaged"),
    gettext_noop("its {thing} {sha256}… is no picture of 8 or 16 bits"),
    gettext_noop("its {thing} is in colour, this picture is grey"),
    gettext_noop("its {thing} is {size}, this picture {other}"),
    gettext_noop("its bright and dark pictures are not of one size and kind"),
    gettext_noop("its bright picture is no brighter than its dark one"),
    gettext_noop("its bright picture is not taught"),
    gettext_noop("its picture without parts is not taught"),
    gettext_noop("the taught pictures are {size}, this one is {other}"),
    gettext_noop("a median of {size} is too wide; up to {most} is possible, or more with Reduce"),
    gettext_noop("the median of this 16-bit picture takes too long"),
    gettext_noop("the region has one grey level only: there is no contrast to scale"),
    gettext_noop("the region is black"),
    gettext_noop("a grey picture has no colour"),
    gettext_noop("{n} blobs are so small that each must be fitted, and {most} can be, of {pixels} pixels"),
    gettext_noop(
        "about {squares} places look like corners of QR codes, and there is time for {most}: make the region smaller"
    ),
    gettext_noop(
        "the first look at a region of {width} × {height} can take {ms} ms, and the tool's time (budget_ms) is {allowed} ms: "
        "make the region smaller, name fewer formats, or give it more time"
    ),
    gettext_noop("{n} blobs have outlines too long for hulls in a tool's time"),
    gettext_noop("{n} blobs have outlines too long to follow in a tool's time"),
    gettext_noop("{n} blobs have rims too long to weigh their grey values in a tool's time"),
    gettext_noop("{n} blobs of noise are too many to fill in a tool's time"),
    gettext_noop("{n} blobs of noise are too many to measure in a tool's time"),
    gettext_noop("{n} blobs of noise are too many to split in a tool's time"),
    gettext_noop("touching parts can be split in {most} pixels of blobs, and these have {n}"),
    gettext_noop("grey values are weighed on the grey picture, not on its edges"),
    gettext_noop("{feature} is measured only where grey values are weighed"),
    gettext_noop("no {thing} on the arrow"),
    gettext_noop("only a pair of edges has {feature}; select pair"),
    gettext_noop("no straight edge across the region"),
    gettext_noop("its region must be at least {across} px across the search and {along} px along it"),
    gettext_noop("the search band leaves the picture"),
    gettext_noop("no round edge in the region"),
    gettext_noop("only {share} of the rim was seen"),
    gettext_noop("the round edge has no light of a rim"),
    gettext_noop("the edge's contrast is only {contrast}"),
    gettext_noop("the lines are far from parallel"),
    gettext_noop("the lines are nearly parallel"),
    gettext_noop("the points are too near to each other"),
    gettext_noop("what was found shows no place on the calibrated plane"),
    gettext_noop("the middle of the picture shows no point of its plane"),
    gettext_noop("its plane is seen edge on"),
    gettext_noop("it was taught on pictures of {size}, and this one has {other}"),
    gettext_noop("it was taught on pictures of {size}"),
    gettext_noop("no scale is taught yet"),
    gettext_noop("it does not say yet what it measures between"),
    gettext_noop("it does not say yet which tool's findings it makes a pose of"),
    gettext_noop("it does not say yet which tools it combines"),
    gettext_noop("it could not be decided for {name}"),
    gettext_noop("no template is taught yet"),
    gettext_noop("its mask and its template differ in size"),
    gettext_noop("its mask leaves too little of the template"),
    gettext_noop("its template has no structure: it is nearly one grey"),
    gettext_noop("its template is {size}; {low} to {high} px a side are possible"),
    gettext_noop("what tells its template's place lies at the very rim: teach more of what is around it"),
    gettext_noop("its template looks the same all along one direction: its place along it cannot be told"),
    gettext_noop("its template looks the same however it is turned: search it at one angle, or teach more"),
    gettext_noop("its template takes {n} turns and sizes to search: narrow their ranges, or teach a less long part"),
    gettext_noop("the template is not there"),
    gettext_noop("no good picture is taught yet"),
    gettext_noop("its mean and its spread differ in size"),
    gettext_noop("its mean is {size} and its region {other}: teach it again"),
    gettext_noop("the part does not lie within {shift} px and {turn} deg of its region"),
    gettext_noop("no code could be read"),
    gettext_noop("reading codes needs zxing-cpp: install analyticlens[machine]"),
    gettext_noop("reading text needs tesserocr: install analyticlens[ocr]"),
    gettext_noop("Tesseract's language data for {language} is not here (Debian: {package})"),
    gettext_noop("Tesseract's language data in {folder} cannot be used"),
    gettext_noop("Tesseract could not read this picture"),
    gettext_noop("no text could be read"),
    gettext_noop("what was read has a confidence of {share}"),
    gettext_noop("the pattern is longer than {most} characters"),
    gettext_noop("the pattern stands for more than {most} characters"),
    gettext_noop("the pattern ends too early"),
    gettext_noop("the pattern has a bracket too much"),
    gettext_noop("the pattern has a negated class in square brackets"),
    gettext_noop("the pattern has a repetition that cannot be read"),
    gettext_noop("the pattern has a span that is none"),
    gettext_noop("the pattern has square brackets with nothing in them"),
    gettext_noop("the pattern has the span {span}, which is none"),
    gettext_noop("the pattern has too many brackets within brackets"),
    gettext_noop("the pattern has a {sign} that stands for nothing; write {written} for the character"),
    gettext_noop("the pattern may hold only plain brackets"),
    gettext_noop("the pattern may not hold {sign}"),
    gettext_noop("the pattern repeats a repetition"),
    gettext_noop("asking a model needs onnxruntime: install analyticlens[ai]"),
    gettext_noop("no model is chosen yet"),
    gettext_noop("its model cannot be loaded: {problem}"),
    gettext_noop("its model failed: {problem}"),
    gettext_noop("its model gave {what} instead of {wanted}"),
    gettext_noop("its model gave numbers that are not finite"),
    gettext_noop("its model gives {n} numbers, neither one score nor a map of scores"),
    gettext_noop("its model gives {n} numbers, not one for each class"),
    gettext_noop("its model gives {n} numbers, not one for each class and pixel"),
    gettext_noop("its model gives no numbers"),
    gettext_noop("its model has {n} outputs, none of number {number}"),
    gettext_noop("its model keeps a part of itself in another file; save it as one file"),
    gettext_noop("its model knows {n} classes, and {named} have names"),
    gettext_noop("its model knows {n} classes, none of number {number}"),
    gettext_noop("its model takes {n} inputs, and one picture is what there is"),
    gettext_noop("its model takes {ms} ms, and a tool has {most} ms"),
    gettext_noop("its model takes {what}, and {wanted} is described"),
    gettext_noop("its model takes {what}, not tensor(float)"),
    gettext_noop("no plug-in is chosen yet"),
    gettext_noop("there is no plug-in {name} on this computer"),
    gettext_noop("the plug-in {name} cannot be loaded: {problem}"),
    gettext_noop("the plug-in {name} has no feature {feature}"),
    gettext_noop("the plug-in {name} has settings that are no pydantic model"),
    gettext_noop("the plug-in {name} has features that are none"),
    gettext_noop("the plug-in {name} cannot be prepared"),
    gettext_noop("the plug-in refuses its settings: {problem}"),
    gettext_noop("the plug-in gives nothing to call when it is prepared"),
    gettext_noop("the plug-in failed: {problem}"),
    gettext_noop("the plug-in found nothing"),
    gettext_noop("the plug-in measured a feature that it does not declare"),
    gettext_noop("the plug-in returned {what} instead of Measured"),
    gettext_noop("the plug-in returned a text that is none"),
    gettext_noop("the plug-in returned too many shapes or texts"),
    gettext_noop("the plug-in returned what is no measurement: {problem}"),
    gettext_noop("the plug-in's {name} is no finite number"),
    gettext_noop("the plug-in's {name} is no number: {problem}"),
    gettext_noop("there is no picture"),
    gettext_noop("the picture is empty"),
    gettext_noop("the picture is damaged"),
    gettext_noop("the picture is damaged: {problem}"),
    gettext_noop("the picture is not of the size its header says"),
    gettext_noop("a region of more than {most} px is not read"),
    gettext_noop("{count} blobs of noise are too many to measure in a tool's time"),
    gettext_noop("so many pixels are edge that there is no time to follow them"),
    gettext_noop("a picture of {bits} bits is not inspected; {fewest} to {most} are"),
    gettext_noop("a level of {level} is more than {bits} bits can hold"),
    gettext_noop("pixels of type {kind} are not inspected; uint8 and uint16 are"),
    gettext_noop("pixels of type {kind} are not judged"),
    gettext_noop("a picture of shape {shape} is not inspected; one or three channels are"),
    gettext_noop("a picture of shape {shape} has no pixels"),
    gettext_noop("a picture of {n} channels is not judged"),
    gettext_noop("a picture with an alpha channel is not judged"),
    gettext_noop("a picture with transparency is not judged"),
    gettext_noop("the file is empty"),
    gettext_noop("the file is no PNG, JPEG, BMP or TIFF picture"),
    gettext_noop("the file is larger than {n} MB"),
    gettext_noop("the file is cut or its header is damaged"),
    gettext_noop("the header says a size of zero"),
    gettext_noop("{size} is more than {n} million pixels"),
    gettext_noop("the PNG does not begin with its header"),
    gettext_noop("a checksum in the PNG is wrong: the file is damaged"),
    gettext_noop("the JPEG is damaged: {problem}"),
    gettext_noop("the JPEG has more than {n} scans"),
    gettext_noop("BMP files of the oldest kind are not read"),
    gettext_noop("compressed BMP files are not read"),
    gettext_noop("the BMP is cut"),
    gettext_noop("a TIFF of several pages is not judged"),
    gettext_noop("TIFF compression {n} is not read"),
    gettext_noop("only TIFF files in strips are read"),
    gettext_noop("the TIFF is cut"),
    gettext_noop("a patch has both a width and a height, or neither"),
    gettext_noop("a patch is at least {n} pixels wide and high"),
    gettext_noop("a patch has at most 1,048,576 pixels (1024 x 1024)"),
    gettext_noop("limits of sharpness and displacement need a commissioning picture"),
    gettext_noop("the least brightness is above the most"),
    gettext_noop("no picture folder is configured"),
    gettext_noop("the folder {folder} is outside the folders this machine may read"),
    gettext_noop("the folder {folder} does not exist"),
    gettext_noop("the folder {folder} may not be read by this machine"),
    gettext_noop("the folder {folder} cannot be read: {problem}"),
    gettext_noop("the folder {folder} holds no pictures ({kinds})"),
    gettext_noop("{folder} is no folder, or a link leads there"),
    gettext_noop("{file} cannot be read: {problem}"),
    gettext_noop("sources of type {kind} are not available on this machine yet"),
    gettext_noop("sources of type {kind} cannot be triggered by a line of the camera on this machine"),
    gettext_noop("signals cannot be heard: {rest}"),
    gettext_noop("port {port} of {host} cannot be listened at: {problem}"),
    gettext_noop("the MQTT broker {where} cannot be reached: {problem}"),
    gettext_noop("the MQTT broker {where} refuses the topic {topic}"),
    gettext_noop("the MQTT broker {where} refuses: {problem}"),
    gettext_noop("the MQTT broker {where} ended the connection"),
    gettext_noop("the Modbus controller {where} cannot be reached"),
    gettext_noop("the Modbus controller {where} does not answer: {problem}"),
    gettext_noop("the Modbus controller {where} refuses to have coil {n} read"),
    gettext_noop("the Modbus controller {where} refuses to have coil {n} reset"),
    gettext_noop("an input pin needs gpiozero: install analyticlens[gpio]"),
    gettext_noop("pin {pin} cannot be used: {problem}"),
    gettext_noop("the secret {name} cannot be read: {problem}"),
    gettext_noop("the secret {name} may be read by others: its file needs the mode 0600"),
    gettext_noop("the secret {name} holds no text of at most {most} characters"),
    gettext_noop("the listener ended: {problem}"),
    gettext_noop("the listener ended"),
    gettext_noop("ignored: it came within the debounce time"),
    gettext_noop("a retained message is no trigger"),
    gettext_noop("a message came twice (QoS 1)"),
    gettext_noop("a message was refused: {rest}"),
    gettext_noop("it is larger than {n} bytes"),
    gettext_noop("it is no JSON object"),
    gettext_noop("the trigger could not be stored: {problem}"),
    gettext_noop("the scheduled run of {moment} was missed"),
    gettext_noop("the timetable goes on; {n} scheduled runs were missed"),
    gettext_noop("the clock jumped by {n} s; the timetable goes on from there"),
    gettext_noop("trigger.{path}: {rest}"),
    gettext_noop("cron: {rest}"),
    gettext_noop("the cron line {line} never comes: its months have no such day"),
    gettext_noop("the cron line {line} cannot be read: its {what} is wrong"),
    gettext_noop("time_zone: {rest}"),
    gettext_noop("{address} is not among the cameras this machine may reach"),
    gettext_noop("{address} does not answer: wrong address, no power, or a firewall between"),
    gettext_noop("{host} is there but nothing answers at port {port}"),
    gettext_noop("{address} cannot be reached"),
    gettext_noop("{host} answers, but speaks no RTSP there: is it its web page's port?"),
    gettext_noop("{host} has no video at this path"),
    gettext_noop("{host} answers, but sends no pictures"),
    gettext_noop("{host} hangs up without an answer: is it an RTSP port?"),
    gettext_noop("{host} does not offer this stream over TCP, or in a form that can be read"),
    gettext_noop("the stream ended"),
    gettext_noop("{host} refuses the user or the password"),
    gettext_noop("{host} has no stream at this path"),
    gettext_noop("{host} points to another address, which is not followed: give that address instead"),
    gettext_noop("{host} has no room for another viewer, or is just starting"),
    gettext_noop("{host} answers with error {status}"),
    gettext_noop("{address} speaks no TLS: try rtsp:// instead of rtsps://"),
    gettext_noop("the camera changed its picture; it is opened anew"),
    gettext_noop("the stream's picture could not be decoded"),
    gettext_noop("{host} sends what is no stream of pictures"),
    gettext_noop("the connection to the camera broke"),
    gettext_noop("{host} does not answer in time"),
    gettext_noop("{host} answers, but speaks no HTTP there"),
    gettext_noop("{host} shows a web page at this address, not pictures"),
    gettext_noop("{host} sends no pictures at this address but {kind}"),
    gettext_noop("{host} sends no pictures any more"),
    gettext_noop("no stream address is configured"),
    gettext_noop("the stream address holds spaces or control characters"),
    gettext_noop("the stream address is none"),
    gettext_noop("a stream address begins with rtsp://, rtsps://, http:// or https:// and names a host"),
    gettext_noop("leave user name and password out of the stream address"),
    gettext_noop("the camera gave no picture for {seconds} s"),
    gettext_noop("the camera was reached but gives no picture"),
    gettext_noop("the camera gives the same picture over and over"),
    gettext_noop("the camera's driver failed: {kind}"),
    gettext_noop("the camera's process does not answer"),
    gettext_noop("the camera was lost {count} times in 10 minutes; at last: {rest}"),
    gettext_noop("the camera {name} does not open: not plugged in, or used by another program"),
    gettext_noop("the camera gives no more pictures: was it unplugged?"),
    gettext_noop("the camera's picture could not be decoded"),
    gettext_noop("there is no camera {name} at this machine"),
    gettext_noop("a stable name is one of those in {folder}"),
    gettext_noop("{name} is no camera"),
    gettext_noop(
        "the library picamera2 is not installed here: it comes with Raspberry Pi OS (apt install python3-picamera2)"
    ),
    gettext_noop("there is no Pi camera {name} at this machine, or it is in use"),
    gettext_noop("the picture source did not open: {rest}"),
    gettext_noop("the picture source gave no picture: {rest}"),
    gettext_noop("the picture could not be sent: {problem}"),
    gettext_noop("the camera's user could not be asked for: {problem}"),
    gettext_noop("this machine is in no network in which it could look for cameras"),
    gettext_noop("it answers, but names an address that is not its own"),
    gettext_noop("the camera's name {host} is not known in this network"),
    gettext_noop("{host} does not answer in time"),
    gettext_noop("{host} answers, but not as an ONVIF camera does"),
    gettext_noop("{host} refuses this user and password"),
    gettext_noop("{host} wants a user and a password, and none is set"),
    gettext_noop("{host} asks for the password in a way that is not known here"),
    gettext_noop("there is no way to {host}: wrong address, or its network is not connected"),
    gettext_noop("{host} refuses to name its streams"),
    gettext_noop("{host} names its media service at another address, which is not asked"),
    gettext_noop("{host} is an ONVIF device, but has no pictures"),
    gettext_noop("this is no address of a camera"),
    gettext_noop("leave user name and password out of the camera's address"),
    gettext_noop("an address it names is none"),
    gettext_noop("an address it names is another computer's"),
    gettext_noop("an address it names holds a password, and is not shown"),
    gettext_noop("no picture could be had"),
    gettext_noop("the fixed patch does not lie inside the picture"),
    gettext_noop("the fixed patch does not lie inside the commissioning picture"),
    gettext_noop("the fixed patch of the commissioning picture shows nothing that could be found again"),
    gettext_noop("the commissioning picture {name}… is not here"),
    gettext_noop("the commissioning picture {name}… cannot be read"),
    gettext_noop("the commissioning picture is {size}, this one is {other}"),
    gettext_noop("nothing of the commissioning picture is seen"),
    gettext_noop("the picture's brightness is {value} %, below {limit} %"),
    gettext_noop("the picture's brightness is {value} %, above {limit} %"),
    gettext_noop("{value} % of the picture is black, more than {limit} %"),
    gettext_noop("{value} % of the picture is saturated, more than {limit} %"),
    gettext_noop("the picture is displaced by {value} px, more than {limit} px"),
    gettext_noop("the picture's sharpness is {value} % of commissioning, below {limit} %"),
    gettext_noop("the picture source is not open"),
    gettext_noop("the picture source did not answer in time"),
    gettext_noop("no answer within {seconds} s"),
    gettext_noop("the inspecting process ended with code {code}"),
    gettext_noop("the inspecting process was ended by {signal}"),
    gettext_noop("the inspecting process broke off"),
    gettext_noop("the inspecting process ended before it answered"),
    gettext_noop("the inspection was ended after {n} ms"),
    gettext_noop("the result could not be stored: {problem}"),
    gettext_noop("the configuration could not be saved: {problem}"),
    gettext_noop("internal error: {problem}"),
    gettext_noop("the machine is not running"),
    gettext_noop("the machine is not ready to inspect"),
    gettext_noop("the machine is stopped: start it instead"),
    gettext_noop("the machine is closing"),
    gettext_noop("the machine stopped while it carried this out"),
    gettext_noop("the trigger is continuous: inspections come by themselves"),
    gettext_noop("busy: {n} triggers wait already"),
    gettext_noop("an error is active: {rest}"),
    gettext_noop("it came too late"),
    gettext_noop("somebody else took control before this was carried out"),
    gettext_noop("there was no error"),
    gettext_noop("a change made at this machine gave way to version {n} of the orchestrator"),
    gettext_noop("the recipe {sha256} of this version did not come with it"),
    gettext_noop("rolled back: the new pipeline broke {n} times; at last: {rest}"),
    gettext_noop("the orchestrator refuses to enrol this machine: {rest}"),
    gettext_noop("the orchestrator refuses this machine's token: {rest}"),
    gettext_noop("no orchestrator: {rest}"),
    gettext_noop("not enrolled: {path} holds no token and no --enrol code was given"),
    gettext_noop("the old routes answer without a token (--insecure-legacy)"),
    gettext_noop("the clock is {n} days ahead of what this machine lived through: nothing is removed for that"),
    gettext_noop("the outbox was full: {n} records were dropped before the orchestrator had them"),
    gettext_noop("the orchestrator knows {n} records less than it acknowledged; they are sent again"),
    gettext_noop("tool {name} follows {followed}, which is no tool before it that finds a place"),
    gettext_noop("tool {name} takes measures of {wanted}, which is no tool before it"),
    gettext_noop("tool {name}: {rest}"),
    gettext_noop("{name} found nothing to measure from"),
    gettext_noop("{name} finds no pose: a place with an angle"),
    gettext_noop("{name} finds no {thing}"),
    gettext_noop("{name} has no feature {feature}"),
    gettext_noop("{name} has no limits, so there is nothing to combine"),
    gettext_noop("{name} is a function and cannot be the name of a measure"),
    gettext_noop("{name} is no calibration"),
    gettext_noop("{name} is no text"),
    gettext_noop("the plug-in {name} {problem}"),
    # What the contract's models say of a value that is none.
    gettext_noop("Field required"),
    gettext_noop("Extra inputs are not permitted"),
    gettext_noop("Input should be greater than or equal to {bound}"),
    gettext_noop("Input should be greater than {bound}"),
    gettext_noop("Input should be less than or equal to {bound}"),
    gettext_noop("Input should be less than {bound}"),
    gettext_noop("Input should be a finite number"),
    gettext_noop("Input should be a valid number"),
    gettext_noop("Input should be a valid integer"),
    gettext_noop("Input should be a valid string"),
    gettext_noop("Input should be a valid dictionary"),
    gettext_noop("Input should be a valid tuple"),
    gettext_noop("Tuple should have at most {most} items after validation, not {n}"),
    gettext_noop("Tuple should have at least {least} item after validation, not {n}"),
    gettext_noop("String should have at most {most} characters"),
    gettext_noop("String should have at least {least} character"),
    gettext_noop("String should match pattern {pattern}"),
    gettext_noop("Input should be {words}"),
    gettext_noop("{file}: {rest}"),
)
LONGEST = 2000
DEEPEST = 4


@cache
def _patterns() -> tuple[tuple[str, re.Pattern[str]], ...]:
    return tuple((sentence, _pattern(sentence)) for sentence in (*SENTENCES, *REFUSALS))


def _pattern(sentence: str) -> re.Pattern[str]:
    """Return what fits a sentence: its words as they are, anything in its places."""
    parts = re.split(r"\{(\w+)\}", sentence)
    fits = [re.escape(part) if place % 2 == 0 else f"(?P<{part}>.+?)" for place, part in enumerate(parts)]
    return re.compile("".join(fits), re.DOTALL)


def said(text: str) -> str:
    """Return a machine's text in the page's language, where it is a known sentence; else as it came."""
    return text if len(text) > LONGEST else _said(text, get_language() or "en", 0)


# A page of many machines that want the same thing asks for the same sentence again and again.
@lru_cache(maxsize=1024)
def _said(text: str, language: str, depth: int) -> str:
    if depth > DEEPEST:
        return text
    for sentence, pattern in _patterns():
        if found := pattern.fullmatch(text):
            places = found.groupdict()
            for inner in places.keys() & {"rest", "error"}:
                places[inner] = _said(places[inner], language, depth + 1)
            for place, say in NAMES.items():
                if place in places:
                    places[place] = say(places[place])
            return gettext(sentence).format(**places)
    return text


@cache
def _titles() -> dict[str, set[str]]:
    """Return what each feature's name is called, over all kinds of tools."""
    titles: dict[str, set[str]] = {}
    for tool in TOOL_CLASSES.values():
        for feature in tool.features:
            titles.setdefault(feature.name, set()).add(feature.title)
    return titles


def _feature(name: str) -> str:
    """Return what people call a feature; of a name that different tools call differently, the plain words."""
    name = name.strip("'")
    titles = _titles().get(name, set())
    return pgettext("schema", *titles) if len(titles) == 1 else name.replace("_", " ")


def _features(names: str) -> str:
    return ", ".join(map(_feature, names.split(", ")))


def _kind(word: str) -> str:
    """Return one of the contract's words for a kind as forms show it; what is no such word stays as it is."""
    return pgettext("choice", word.replace("_", " ")) if re.fullmatch(r"[a-z0-9]+(_[a-z0-9]+)*", word) else word


def _thing(word: str) -> str:
    """Return what a tool names or finds, in the page's language."""
    return pgettext("thing", word)


THINGS = (
    pgettext_lazy("thing", "bright picture"),
    pgettext_lazy("thing", "circle"),
    pgettext_lazy("thing", "dark picture"),
    pgettext_lazy("thing", "edge"),
    pgettext_lazy("thing", "line"),
    pgettext_lazy("thing", "mask"),
    pgettext_lazy("thing", "mean"),
    pgettext_lazy("thing", "model"),
    pgettext_lazy("thing", "pair of edges"),
    pgettext_lazy("thing", "point"),
    pgettext_lazy("thing", "spread"),
    pgettext_lazy("thing", "taught picture"),
    pgettext_lazy("thing", "template"),
)
# Places that hold a name of the contract.
NAMES: dict[str, Callable[[str], str]] = {
    "feature": _feature,
    "measures": _features,
    "kind": _kind,
    "thing": _thing,
    "type": tool_type,
    "tool_type": tool_type,
}
