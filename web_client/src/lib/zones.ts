/** The zone of each country's wall clocks; appointments are told in it, whatever the device is set to. */
export const zones = { RS: 'Europe/Belgrade', MK: 'Europe/Skopje' } as const
