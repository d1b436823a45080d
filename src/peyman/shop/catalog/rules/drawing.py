"""Which drawing stands for goods that have no picture: their category's, or the one of a category above it."""

from collections.abc import Iterable

PLAIN_BOX = "box"

# Drawing -> the categories it is made for. A category that is not named is drawn like the one above it.
_MADE_FOR = {
    "baby-bottle": "baby-and-mother dining-accessories personal-accessories",
    "bag": "bag-and-backpack bags-backpacks boys-backpacks girls-backpacks laptop-bag",
    "ball": "ball-sports",
    "bed": "bedandbath baby-bedding cushions-tablecloths-sofa-shawls",
    "bicycle": "bicycle bicycles",
    "blanket": "blankets electric-underblankets-and-blanket blanket sofa-shawl coverlet counterpane sleeping-bag",
    "blender": "chopper-foodprocessor juicer citrus-juicer",
    "blocks": "puzzle intellectual-and-educational toys",
    "book": "book-and-media book",
    "bottle": "beverages bottle plateandetc water-filters herbal-spirits-rose-water jug",
    "box": "accessories-packing humidifiers massagers men-accessories automotive-battery",
    "cable": "cell-phone-data-cable adapter splitter lan-cable cable-combo antenna-cable printer-cable usb-hub",
    "camera": "digital-camera security-and-surveillance-equipment dahboard-camera baby-monitor-and-pager",
    "car-holder": "vehicles cell-phone-holder car-accessory-parts car-stereo",
    "car-toy": "tricycle-and-motorcycle automobile",
    "case": "cell-phone-pouch-cover cell-phone-screen-guard",
    "cat-food": "pet-shop pet-supplies1",
    "chair": "sofa office-furniture household-furniture storagedresser booster-seat chair-species massage-chair",
    "charger": "car-charger laptop-charger battery-charger-and-accesories automotive-battery",
    "chip": "computer-devices network-card card-and-module",
    "clock": (
        "decorative-clock men-analouge-watches women-analouge-watches girls-analouge-watches boys-analouge-watches"
        " employee-timeclock"
    ),
    "coffee": "coffee-makers espresso-makers coffee coffee-and-herbal-tea-maker milkandcofeemaker",
    "cooler": "airtreatment",
    "cream": "beauty-and-hygiene face-and-body-cream face hair-care body-shampoo",
    "cup": "serving mug cupandmug herbal-tea rural-glass",
    "curtain": "curtain curtain-accessories wall-panel-flooring showercurtains",
    "dish-set": "plate bowl dinnerware-sets servingware rural-dishes",
    "doll": "mother-and-child toy-and-model humor-and-entertainment",
    "drill": "power-tools",
    "drive": "data-storage usb-flash-memory memory-cards nas ram-reader",
    "dumbbell": "aerobic sport martial-arts",
    "fan": "fan heater",
    "flask": "flask flasks",
    "fridge": "refrigerator-freezer",
    "gamepad": "game-console gaming-accessories",
    "gift": "gift-card women-gifts-and-sets men-gifts-sets gift-tools rural-gift-set",
    "glasses": "men-eyewear women-eyewear vision-supplement",
    "hair-dryer": "electrical-personal-care",
    "handbag": "women-bags men-bags leatherbag men-wallets-bags",
    "head": "headphone",
    "honey": "honey rural-breakfast breakfast",
    "iron": "iron irontable steam-cleaner steamironaccessories",
    "jar": "groceries ready-made-canned-food salts-and-pickles container pickles-salt",
    "jewel": "gold",
    "keyboard": "keyboard keybord-organ pianos",
    "kettle": "drink-maker kettlteapot samovar",
    "knife": "cooking-tools camping-knife",
    "lamp": "light-brightness light flashlight baby-decorative-lamp",
    "laptop": "laptop notebook-netbook-ultrabook",
    "lipstick": "beauty eye-and-eyebrow lip",
    "manto": "womens-apparel women-outwear women-clothing women-manto women-tunic women-scarf-and-burka",
    "monitor": "monitor electronic-devices computer-parts data-video-projector",
    "motorbike": "motorbike",
    "mouse": "mouse mouse-pad",
    "notebook": "stationery",
    "oil-can": "oil consumable-parts oilcan",
    "oven": "cooking built-in-appliances",
    "perfume": "perfume-all",
    "phone": "mobile mobile-phone",
    "pills": "medical nutritional-supplements sports-and_fitness-supplements vitamins",
    "plant": (
        "natural-flowers decorative-ac photo-frames-paintings rural-decorative flower-pot rural-flower-pot"
        " gardening-tools"
    ),
    "pot": "home-and-kitchen cooking-dishes electric-rice-cooker rural-kitchen-utensils rural-pot-dig",
    "power": "power-bank ups",
    "printer": "printer office-machines",
    "reader": "e-reader",
    "ring": (
        "women-gold-ring men-gold-ring girls-gold-ring women-silver-jewelry men-silver-jewelry turquoise-tattoo"
        " rural-accessories"
    ),
    "router": "network modem-router-adsl",
    "rug": "carpet rural-carpets-and-rugs mat",
    "sack": "supermarket rice cereals-soy nuts rural-products dried-fruit-nuts dried-fruits-nuts cereals-legumes",
    "saffron": "spices-seasonings seasoning-spices herbal",
    "setar": "musicalinstruments",
    "shirt": "apparel mens-apparel men-clothing men-outwear men-blazers-suits kids-apparel women-tee-shirts",
    "shoe": (
        "men-shoes women-shoes boys-shoes girls-footwear boys-sport-shoes girls-sport-shoes skate sports-hoverboard"
    ),
    "snack": "snacks sweets rural-sweets biscuits-wafers breakfast-chocolates spaghetti-pasta noodles",
    "speaker": "speaker video-audio-entertainment",
    "spray": "cleaning home-hygiene car-wash-spray-polish-and-wax distillates-rosewater",
    "stroller": "promenade-and-travel-accessories",
    "suitcase": "traveling-equipment",
    "tablet": "tablet",
    "tea": "tea tea-makers",
    "teapot": "kettleandteapot handicraft clay-and-ceramic",
    "tent": "sport-and-travel tent travel-accessories umbrella-1",
    "thermometer": "medical-equipment baby-thermometer diabetes-control consumable-medical-supplies",
    "tire": "tire car-spare-parts",
    "tissue": "tissue-paper wet-wipes babywetwipes personal-hygiene sanitary-pad",
    "toolbox": "tools",
    "toothbrush": "personal-care dental-equipment children-and-baby-toothpaste baby-toothbrush",
    "towel": "bathroom watercloset towelhandkerchief tablecloths table-cloth textile-industry",
    "trousers": "men-jeans men-shorts women-trousers men-socks-tights",
    "tv": "tv2",
    "vacuum": "vaccum-cleaner",
    "washer": "home-appliance washing-machines dishwasher",
    "watch": (
        "wearable-gadget watch-band apple-watch-cover watch-accessorie men-digital-watches women-digital-watches"
        " girls-digital-watches boys-digital-watches"
    ),
}
_DRAWN_AS = {category: drawing for drawing, categories in _MADE_FOR.items() for category in categories.split()}


def drawing_of(slugs: Iterable[str]) -> str:
    """Return the key of the drawing for a category: `slugs` is the category's, then those above it."""
    return next((_DRAWN_AS[slug] for slug in slugs if slug in _DRAWN_AS), PLAIN_BOX)


def drawings() -> list[str]:
    """Return the key of every drawing that some category needs, the plain box included."""
    return sorted({PLAIN_BOX, *_MADE_FOR})


_TINTS = {
    "v2": "green turquoise teal olive mint",
    "v3": "gold yellow brown cream beige orange camel copper wood",
    "v4": "red pink purple burgundy rose rosegold violet",
}
_TINT_OF = {colour: tint for tint, colours in _TINTS.items() for colour in colours.split()}


def tint_of(image_hint: str) -> str:
    """Return the colours of a drawing for goods of this hint: "kettle/red" → "v4", "" where the plain ones do."""
    return _TINT_OF.get(image_hint.rpartition("/")[2], "")
