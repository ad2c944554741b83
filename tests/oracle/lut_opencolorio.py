"""Applies a LUT file to raw pixels with OpenColorIO, in 32-bit float and without any optimization.

usage: lut_opencolorio.py LUT tetrahedral|linear INPUT OUTPUT
INPUT and OUTPUT: native-endian f32, red green blue, one pixel after the other.
Needs PyOpenColorIO (package "opencolorio") and numpy.
"""

import sys

import numpy
import PyOpenColorIO as ocio


def processor(path, interpolation):
    names = {"tetrahedral": ocio.INTERP_TETRAHEDRAL, "linear": ocio.INTERP_LINEAR}
    transform = ocio.FileTransform(src=path, interpolation=names[interpolation])
    whole = ocio.Config.CreateRaw().getProcessor(transform)
    return whole.getOptimizedCPUProcessor(
        ocio.BIT_DEPTH_F32, ocio.BIT_DEPTH_F32, ocio.OPTIMIZATION_NONE
    )


def main():
    path, interpolation, source, target = sys.argv[1:]
    pixels = numpy.fromfile(source, dtype=numpy.float32)
    processor(path, interpolation).applyRGB(pixels)
    pixels.tofile(target)


main()
