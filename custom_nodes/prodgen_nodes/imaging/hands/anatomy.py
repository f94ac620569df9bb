"""The human hand in figures, as fractions of the hand's length (wrist to the tip of the middle finger).

Bone lengths: A. Buryanov and V. Kotiuk, "Proportions of hand segments", International Journal of Morphology 28(3),
2010, means of 66 adults (metacarpals, phalanges, soft tissue of the tips), over a hand length of 189 mm: wrist to
middle tip of the same table plus the carpus. The places of the knuckles follow from the metacarpals' lengths and the
hand's breadth at the knuckles (84 mm of 189: NASA-STD-3000 and ANSUR give 0.43 to 0.45). Joint limits: American
Academy of Orthopaedic Surgeons, "Joint motion" (middle joint 0 to 100°, end joint 0 to 90°), widened for annotation.
Body: R. Drillis and R. Contini, "Body segment parameters", 1966, as in D. Winter, "Biomechanics and Motor Control of
Human Movement": fractions of the stature.
"""

from __future__ import annotations

POINTS = 21
WRIST = 0
"""Of a hand, as OpenPose numbers them: the wrist, then four a finger from the thumb on."""
FINGERS = ("thumb", "index finger", "middle finger", "ring finger", "little finger")

PALM = (0, 1, 5, 9, 13, 17)
"""Wrist, root of the thumb and the four knuckles: nearly a rigid plate."""
PALM_PLAN = ((0.0, 0.0), (-0.12, 0.14), (-0.127, 0.497), (-0.016, 0.513), (0.095, 0.476), (0.19, 0.418))
"""Where they lie on that plate, thumb at the left."""

BONES = (
    (0.167, 0.135),  # thumb: beyond its knuckle
    (0.210, 0.118, 0.104),
    (0.236, 0.139, 0.113),
    (0.219, 0.136, 0.112),
    (0.173, 0.096, 0.104),
)
"""Phalanges with the soft tissue of the tip in the last; the thumb's metacarpal is left to the palm."""
THUMB_METACARPAL = 0.245
"""Its length, in hand lengths like all of these."""

MOST_BENT = (125.0, 110.0)
"""Degrees that a middle and an end joint can bend, with some room."""

HAND_OF_STATURE = 0.108
"""Length of a hand as a fraction of the stature."""
BODY_BONES = (
    (2, 3, 0.186),  # upper arms
    (5, 6, 0.186),
    (3, 4, 0.146),  # forearms
    (6, 7, 0.146),
    (2, 5, 0.259),  # shoulders
    (8, 9, 0.245),  # thighs
    (11, 12, 0.245),
    (9, 10, 0.246),  # shanks
    (12, 13, 0.246),
)
"""Pairs of OpenPose body points and their distance as a fraction of the stature."""
RIGHT_WRIST, LEFT_WRIST = 4, 7
RIGHT_ELBOW, LEFT_ELBOW = 3, 6
"""OpenPose's numbers of the body's points."""

SPREAD_LIMITS = ((-28.0, 12.0), (-14.0, 14.0), (-12.0, 16.0), (-10.0, 30.0))
"""Degrees sideways that index … little finger reach from the palm's long axis (negative: to the thumb)."""
BEND_LIMITS = ((-18.0, 95.0), (-8.0, 115.0), (-14.0, 95.0))
"""Degrees of knuckle, middle and end joint."""

FAN = (-8.0, 0.0, 5.0, 11.0)
"""Degrees sideways of fingers at ease."""
GRIP_BEND = (50.0, 65.0, 35.0)
"""Degrees of knuckle, middle and end joint around a handle."""
THUMB_ROOT = ((20.0, 80.0), (-10.0, 60.0))
"""Degrees of the thumb's metacarpal: from the palm's long axis to its side, and out of the palm."""
THUMB_BEND = ((-10.0, 50.0), (-15.0, 75.0))
"""Degrees of the thumb's two joints."""
THUMB_CURLS = (0.75, 0.55, 0.45)
"""Towards this a thumb bends: to the fingers, along the palm and out of it (thumb at the left)."""
THUMB_AT_EASE = (45.0, 20.0, 20.0, 20.0)
"""Degrees, in the order of THUMB_ROOT and THUMB_BEND."""
