"""The second vocabulary of each kind of device: what manuals of `@unseen_range` speak of, and no others do."""

from __future__ import annotations

from dataclasses import dataclass, replace

from medcot_tasks.manuals.devices.catalogue import DEVICES
from medcot_tasks.manuals.devices.device import Device


@dataclass(frozen=True, slots=True)
class Words:
    """Takes the place of the faults, parts and steps of a device."""

    faults: tuple[tuple[str, str], ...]
    parts: tuple[str, ...]
    steps: tuple[str, ...]


# fmt: off
WORDS = {
    "heat pump": Words(
        faults=(("refrigerant pressure low", "call a refrigeration engineer"),
                ("return pipe cold", "bleed the radiators"), ("phase missing", "check the fuses"),
                ("tank sensor shorted", "replace the tank sensor")),
        parts=("heat exchanger", "circulation valve", "crankcase heater", "grille"),
        steps=("straighten the bent fins", "measure the gap to the wall", "flush the condensate tray",
               "test the crankcase heater", "photograph the meter"),
    ),
    "label printer": Words(
        faults=(("paper roll empty", "load a new roll"), ("memory card full", "delete old layouts"),
                ("motor stalled", "remove the scrap of paper"), ("font missing", "send the font again")),
        parts=("feed motor", "peel bar", "tear edge", "drive gear"),
        steps=("tug at the power plug", "oil the ribbon guide", "empty the waste tray", "feel the gear for slack",
               "write down the label count"),
    ),
    "backup appliance": Words(
        faults=(("fan failed", "swap the fan tray"), ("link down", "reseat the fibre cable"),
                ("licence used up", "enter a new licence"), ("job overran", "move the start to an earlier hour")),
        parts=("fan tray", "robot arm", "boot disk", "fibre card"),
        steps=("restore one test file", "label the new tapes", "note the fan speed", "verify the mail address",
               "tidy the network cables"),
    ),
    "aquarium controller": Words(
        faults=(("skimmer overflowing", "lower the skimmer cup"), ("salt content high", "add fresh water"),
                ("light strip dark", "swap the driver"), ("feeder empty", "fill the feeder")),
        parts=("skimmer cup", "light driver", "feeder drum", "ozone tube"),
        steps=("dry the power strip", "skim the surface", "clean the overflow comb", "note the nitrate value",
               "check the lid for drips"),
    ),
    "log shipper": Words(
        faults=(("line too long", "raise the line limit"), ("index missing", "create the index"),
                ("disk write slow", "turn on buffered writes"), ("duplicate input name", "rename the input")),
        parts=("schema file", "metrics store", "input list", "retry journal"),
        steps=("measure the round trip time", "print the version", "test the fallback receiver",
               "check the folder rights", "note the memory use"),
    ),
    "network scale": Words(
        faults=(("price list old", "fetch the price list"), ("paper used up", "put in a paper roll"),
                ("plate touches the frame", "lift the plate and seat it anew"),
                ("seal broken", "call the calibration office")),
        parts=("label roller", "keypad", "network card", "overload stop"),
        steps=("dust the keypad", "compare the price list", "look under the plate for crumbs",
               "note the firmware date", "ping the till"),
    ),
    "coffee roaster": Words(
        faults=(("cooling fan silent", "replace the fan fuse"), ("hopper gate stuck", "brush out the gate"),
                ("smoke in the room", "open the damper"), ("air pressure low", "drain the compressor")),
        parts=("cooling fan", "hopper gate", "sight glass", "door gasket"),
        steps=("feel the bearings for play", "scrape tar off the door", "count the paddle screws",
               "test the gas alarm", "grease the chute"),
    ),
    "drone charger": Words(
        faults=(("mains voltage low", "use another socket"), ("pack too cold", "warm the pack up indoors"),
                ("charge took too long", "retire the pack"), ("lid sensor dead", "replace the lid sensor")),
        parts=("lid sensor", "power relay", "charging mat", "mains filter"),
        steps=("smell the leads for burnt plastic", "weigh a spare pack", "measure the standby power",
               "look for swollen packs", "press the test key of the breaker"),
    ),
    "e-bike controller": Words(
        faults=(("light shorted", "unplug the rear lamp"), ("walk key jammed", "clean the handlebar keys"),
                ("charger still plugged in", "pull out the charger"), ("firmware mixed", "update both modules")),
        parts=("chain ring", "handlebar keys", "wiring loom", "rear lamp"),
        steps=("pinch the tyres", "read the odometer", "tap the motor cover for rattles", "ring the bell",
               "wipe the charging port"),
    ),
    "CI runner agent": Words(
        faults=(("image pull refused", "renew the registry login"), ("clone too slow", "use a shallow clone"),
                ("too many open files", "raise the file limit"), ("upload cut off", "lower the part size")),
        parts=("image store", "secret vault", "job history", "clone mirror"),
        steps=("measure the clone time", "check the proxy variables", "print the host name",
               "test the upload of a file", "note the kernel version"),
    ),
    "dishwasher": Words(
        faults=(("foam in the tub", "run a cold rinse"), ("heating element open", "replace the heating element"),
                ("turbidity sensor blind", "wipe the sensor window"),
                ("detergent lid stuck", "scrape off the old powder")),
        parts=("heating element", "detergent lid", "basket wheel", "door hinge"),
        steps=("read the cycle counter", "level the front feet", "smell the tank for mould", "test the child lock",
               "inspect the cutlery basket"),
    ),
    "irrigation computer": Words(
        faults=(("program overlaps", "move the second start time"), ("solar cell dirty", "wipe the solar cell"),
                ("zone wire cut", "splice the zone wire"), ("fertiliser tank empty", "mix new fertiliser")),
        parts=("solar cell", "pressure regulator", "rain cup", "zone relay"),
        steps=("feel the screen for sand", "straighten the risers", "count the emitters per bed",
               "note the tap pressure", "cut roots off the manifold"),
    ),
    "laser cutter": Words(
        faults=(("beam weak", "clean all mirrors"), ("job too large", "scale the drawing down"),
                ("air assist off", "switch on the air pump"), ("belt slipped", "tension the belt")),
        parts=("air nozzle", "drive belt", "chiller pump", "honeycomb bed"),
        steps=("listen to the chiller", "measure the beam power", "feel the rails for grit",
               "test the lid contact", "look into the exhaust duct"),
    ),
    "milk robot": Words(
        faults=(("tag not read", "swap the neck tag"), ("cow too restless", "let the cow out"),
                ("brush worn", "mount a new brush"), ("air supply weak", "drain the air tank")),
        parts=("udder brush", "tag reader", "air tank", "milk valve"),
        steps=("count the spray nozzles", "smell the wash tank", "feel the air hoses for leaks",
               "clean the feed trough", "note the milk yield"),
    ),
    "pool heater": Words(
        faults=(("flue blocked", "remove the bird nest"), ("sensor wire broken", "solder the sensor wire"),
                ("chlorine too high", "stop the chlorine feed"), ("fan speed low", "oil the fan")),
        parts=("flue pipe", "draught fan", "gas valve", "water seal"),
        steps=("brush cobwebs off the burner", "test the flow switch", "measure the flue draught",
               "move the bypass lever", "photograph the flame"),
    ),
    "sewing machine": Words(
        faults=(("hoop not locked", "lock the hoop"), ("pattern too wide", "choose a smaller pattern"),
                ("pedal unplugged", "plug the pedal in"), ("feed dog down", "raise the feed dog")),
        parts=("hoop arm", "tension spring", "foot lever", "pedal contact"),
        steps=("oil the hook race", "count the spare bobbins", "look for nicks in the plate",
               "listen to the motor", "dust the thread guide"),
    ),
    "mail gateway": Words(
        faults=(("attachment locked", "ask for an open copy"), ("loop detected", "correct the route table"),
                ("greylist damaged", "reset the greylist"), ("port taken", "stop the other mail server")),
        parts=("route table", "virus patterns", "greylist", "report archive"),
        steps=("check the date of the key", "count the released messages", "note the mean delay",
               "write to the postmaster", "read the login list"),
    ),
    "wind sensor": Words(
        faults=(("ice on the vane", "raise the heating power"), ("mast leaning", "tighten the guy ropes"),
                ("radio silent", "turn the antenna upright"),
                ("lightning guard tripped", "replace the lightning guard")),
        parts=("antenna", "heating ring", "guy rope", "lightning guard"),
        steps=("feel the plug for water", "compare with a hand meter", "tighten the ground clamp",
               "look for bird nests", "photograph the horizon"),
    ),
}
# fmt: on
"""Kind of device -> its second vocabulary."""


def device_of(kind: str, *, unseen: bool) -> Device:
    """Return a kind of device with its vocabulary of training, or with its second one."""
    device, words = DEVICES[kind], WORDS[kind]
    return replace(device, faults=words.faults, parts=words.parts, steps=words.steps) if unseen else device
